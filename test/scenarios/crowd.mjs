// Many clients allocate at the same moment against one server that accepts in a loop.
import { startAgent } from './agent.mjs';

/** Resolves to what each client's allocation, echo and deallocation came to ('ok' or an error's code). */
export async function crowd({ daemon, clients, flowsEach = 1 }) {
  const server = await startAgent(daemon.env);
  const agents = [];
  try {
    await server.call('serveEcho', 'crowd');
    for (let i = 0; i < clients; i += 8) {
      const batch = Array.from({ length: Math.min(8, clients - i) }, () => startAgent(daemon.env));
      agents.push(...(await Promise.all(batch)));
    }
    const attempts = agents.flatMap((agent, i) =>
      Array.from({ length: flowsEach }, (_, k) => oneEcho(agent, `client ${i} flow ${k}`)),
    );
    return await Promise.all(attempts);
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await server.stop();
  }
}

async function oneEcho(agent, text) {
  try {
    const flow = await agent.call('alloc', 'crowd', { qos: 'data', timeoutMs: 60_000 });
    await agent.call('write', flow, text);
    const reply = await agent.call('read', flow, { timeoutMs: 60_000 });
    await agent.call('dealloc', flow);
    return reply.text === text ? 'ok' : (reply.code ?? `wrong reply: ${reply.text}`);
  } catch (error) {
    return error.code ?? error.message;
  }
}

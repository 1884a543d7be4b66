// A server that thinks before it answers a reliable flow: every reply must arrive.
import { startAgent } from './agent.mjs';

/**
 * Resolves to one row per think time: whether the reply came, and the round trip in ms.
 *
 * @param {{ daemon: object, thinkTimesMs: number[], layer?: string }} options
 */
export async function lateReplies({ daemon, thinkTimesMs, layer }) {
  const server = await startAgent(daemon.env);
  const client = await startAgent(daemon.env);
  try {
    for (const thinkMs of thinkTimesMs) await server.call('serveEcho', `think-${thinkMs}`, { thinkMs });
    return await Promise.all(thinkTimesMs.map((thinkMs) => oneReply({ daemon, client, thinkMs, layer })));
  } finally {
    await client.stop();
    await server.stop();
  }
}

async function oneReply({ daemon, client, thinkMs, layer }) {
  const name = `think-${thinkMs}`;
  if (layer !== undefined) await daemon.irm('name', 'register', name, '--layer', layer);
  const flow = await client.call('alloc', name, { qos: 'data', ...(layer === undefined ? {} : { layer }) });
  const began = performance.now();
  await client.call('write', flow, `thought for ${thinkMs} ms`);
  const reply = await client.call('read', flow, { timeoutMs: thinkMs + 20_000 });
  await client.call('dealloc', flow);
  return { thinkMs, reply: reply.text ?? reply.code, ms: performance.now() - began };
}

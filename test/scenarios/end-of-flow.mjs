// How soon, and with what, a blocked read ends when the peer deallocates or is killed.
import { startAgent } from './agent.mjs';
import { until } from './until.mjs';

/**
 * One client blocks in a read, the server sends `messages` and ends. Resolves to one row a trial:
 * what the client read, how its last read ended, and the time from the cause to that end in ms.
 *
 * @param {{ daemon: object, qos: 'raw' | 'data', cause: 'dealloc' | 'kill', layer?: string, trials: number }} options
 */
export async function endOfFlow({ daemon, qos, cause, layer, trials }) {
  const client = await startAgent(daemon.env);
  let server = null;
  const rows = [];
  try {
    for (let trial = 0; trial < trials; trial++) {
      server ??= await startServer(daemon, layer);
      rows.push(await oneTrial({ client, server, qos, cause, layer }));
      if (cause === 'kill') {
        await server.exited;
        server = null;
      }
    }
  } finally {
    await server?.stop();
    await client.stop();
  }
  return rows;
}

async function startServer(daemon, layer) {
  const server = await startAgent(daemon.env);
  await server.call('serveKeep', 'ends');
  if (layer !== undefined) await daemon.irm('name', 'register', 'ends', '--layer', layer);
  return server;
}

async function oneTrial({ client, server, qos, cause, layer }) {
  const kept = await server.call('kept');
  const flow = await client.call('alloc', 'ends', { qos, ...(layer === undefined ? {} : { layer }) });
  await until(async () => (await server.call('kept')) > kept, 'the server has the flow');
  const serverFlow = await server.call('lastKept');
  await server.call('write', serverFlow, 'last words');
  const first = await client.call('read', flow);
  const blocked = client.call('read', flow);
  await client.call('ping');
  const causeAt = cause === 'kill' ? server.kill9() : await server.call('dealloc', serverFlow);
  const end = await blocked;
  await client.call('dealloc', flow).catch(() => undefined);
  return { first: first.text, end: end.code ?? end.text, ms: Number(end.at - causeAt) / 1e6 };
}

// Cycles of kill -9 on a client, a server or both, at a random moment of their conversation.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { startAgent } from './agent.mjs';
import { until } from './until.mjs';

/**
 * Resolves to the footprint before and after: descriptors of the daemon, files of its directory and of its shared
 * memory. `onCycle(n)` reports progress. `random` gives 0..1.
 *
 * @param {{ daemon: object, cycles: number, lanes?: number, random?: () => number, onCycle?: (n: number) => void | Promise<void> }} options
 */
export async function killCycles({ daemon, cycles, lanes = 2, random = Math.random, onCycle }) {
  // The first cycles fill caches and pools; what they leave is not a leak.
  await runLanes({ daemon, cycles: Math.min(20, cycles), lanes, random });
  const before = await settledFootprint(daemon);
  await runLanes({ daemon, cycles, lanes, random, onCycle });
  const after = await settledFootprint(daemon);
  return { before, after };
}

async function runLanes({ daemon, cycles, lanes, random, onCycle }) {
  let next = 0;
  const lane = async () => {
    for (let n = next++; n < cycles; n = next++) {
      await oneCycle({ daemon, name: `victim-${n % 8}`, random });
      await onCycle?.(n + 1);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function oneCycle({ daemon, name, random }) {
  const [client, server] = await Promise.all([startAgent(daemon.env), startAgent(daemon.env)]);
  const victims = [[client], [server], [client, server]][Math.floor(random() * 3)];
  const talk = converse({ client, server, name, qos: random() < 0.5 ? 'raw' : 'data' }).catch(
    () => undefined,
  );
  await new Promise((resolve) => setTimeout(resolve, random() * 25));
  for (const victim of victims) victim.kill9();
  await Promise.all(victims.map((victim) => victim.exited));
  await talk;
  await Promise.all(
    [client, server].filter((agent) => !victims.includes(agent)).map((agent) => agent.stop()),
  );
}

async function converse({ client, server, name, qos }) {
  await server.call('serveEcho', name);
  for (let i = 0; i < 20; i++) {
    const flow = await client.call('alloc', name, { qos, timeoutMs: 2_000 });
    for (let k = 0; k < 5; k++) {
      await client.call('write', flow, `message ${k}`);
      const reply = await client.call('read', flow, { timeoutMs: 5_000 });
      if (reply.code !== undefined) return;
    }
    await client.call('dealloc', flow);
  }
}

/** Waits until the registry is empty of flows and clients, then counts. */
async function settledFootprint(daemon) {
  await until(async () => {
    const [flows, processes] = [
      await daemon.irmJson('flow', 'list'),
      await daemon.irmJson('process', 'list'),
    ];
    return flows.length === 0 && processes.filter((p) => p.kind === 'app').length === 0;
  }, 'no flow and no application is registered any more');
  return {
    descriptors: fs.readdirSync(`/proc/${daemon.pid}/fd`).length,
    directory: fs.readdirSync(daemon.dir).sort(),
    sharedMemory: listOf(sharedMemoryOf(daemon.dir)),
  };
}

/** Only what this daemon owns: others may use shared memory at the same time. */
function sharedMemoryOf(dir) {
  const key = createHash('sha256').update(dir).digest('hex').slice(0, 12);
  return `/dev/shm/flowring-${process.getuid()}-${key}`;
}

function listOf(folder) {
  return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
}

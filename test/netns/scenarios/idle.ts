import type { FlowHosts } from '../support/flow-hosts.ts';
import { LAYER } from '../support/flow-hosts.ts';
import { processorUse } from '../../scenarios/processor-use.mjs';
import type { Outcome, Scenario } from './scenario.ts';
import { max, residentMb, serving, sleep, sum } from './scenario.ts';

const PACKETS_PER_S_MAX = 20;
const CORE_PCT_MAX = 2;
const WATCHED_MS = 10_000;
/** Confirmations and what else follows an allocation. */
const SETTLED_MS = 2_000;
const MANY = 5_000;

/** What keeping idle flows alive costs: packets both ways, and the processor time of each IPCP. */
async function idle(on: FlowHosts, flows: number): Promise<Outcome> {
  const { client } = await serving(on, 'serveKeep', 'keep');
  const began = performance.now();
  await client.call('allocMany', 'keep', { count: flows, layer: LAYER, qos: 'raw', timeoutMs: 60_000 });
  const allocatedMs = performance.now() - began;
  await sleep(SETTLED_MS);
  const pids = [await on.ipcpPid('a'), await on.ipcpPid('b')];
  const watchedMs = flows >= MANY ? 2 * WATCHED_MS : WATCHED_MS / 2;
  const before = { processor: pids.map((pid) => processorUse(pid).seconds), packets: await packetsOf(on) };
  await sleep(watchedMs);
  const seconds = watchedMs / 1_000;
  const perSecond = ((await packetsOf(on)) - before.packets) / seconds;
  const corePct = pids.map((pid, n) => (100 * (processorUse(pid).seconds - before.processor[n]!)) / seconds);
  const open = (await client.call('areOpen')) as number;
  return {
    ok: open === flows && perSecond <= PACKETS_PER_S_MAX,
    inTime: max(corePct) <= CORE_PCT_MAX,
    figures: {
      flows,
      open,
      perSecond,
      corePctA: corePct[0]!,
      corePctB: corePct[1]!,
      allocationsPerS: (1_000 * flows) / allocatedMs,
      residentMbA: residentMb(pids[0]!),
    },
  };
}

async function packetsOf(on: FlowHosts): Promise<number> {
  const counts = await Promise.all([on.relay.counts('a'), on.relay.counts('b')]);
  return sum(counts.map(({ entered }) => entered));
}

export const IDLE: readonly Scenario[] = [
  {
    id: 'L.idle',
    promise: `idle flows between two IPCPs cost at most ${PACKETS_PER_S_MAX} packets a second in all`,
    sample: 500,
    full: 10_000,
    run: idle,
  },
];

import type { FlowHosts, Program } from '../support/flow-hosts.ts';
import { LAYER, NAMES } from '../support/flow-hosts.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { max, quantile, serving, sleep } from './scenario.ts';

/** Silence after which a peer is gone: the layer's default. */
const T_MS = 3_000;
const KILL_P99_MAX_MS = 500;
const PEER_GONE = 'FLOWRING_PEER_GONE';
/** Flows that end at once in one trial of a silence, so that many trials take few silences. */
const FLOWS_AT_ONCE = 20;

interface End {
  readonly at: bigint;
  readonly text?: string | null;
  readonly code?: string;
}

/** Flows from a to a keeping server on b, with a read that waits at each end. */
async function blockedReads(
  client: Program,
  server: Program,
  count: number,
  name = 'keep',
): Promise<Record<'a' | 'b', Promise<End>[]>> {
  const before = (await server.call('lastKept')) as number;
  const flows: number[] = [];
  for (let n = 0; n < count; n += 1)
    flows.push((await client.call('alloc', name, { layer: LAYER, qos: 'data' })) as number);
  while (((await server.call('lastKept')) as number) < before + count) await sleep(5);
  const reads = {
    a: flows.map((flow) => client.call('read', flow) as Promise<End>),
    b: flows.map((_, n) => server.call('read', before + 1 + n) as Promise<End>),
  };
  // The reads are under way when something after them was answered.
  await Promise.all([client.call('ping'), server.call('ping')]);
  return reads;
}

const since = (causeAt: bigint, { at }: End): number => Number(at - causeAt) / 1e6;

async function killedPeers(on: FlowHosts, count: number): Promise<Outcome> {
  const client = await on.program('a');
  const times: number[] = [];
  let wrong = 0;
  for (let done = 0; done < count; done += NAMES.length) {
    // To start takes longest: as many as there are names start at once, and die one after another.
    const names = NAMES.slice(0, count - done);
    const servers = await Promise.all(names.map(() => on.program('b')));
    for (const [n, server] of servers.entries()) {
      await server.call('serveKeep', names[n]);
      const reads = await blockedReads(client, server, 1, names[n]);
      reads.b.forEach((read) => void read.catch(() => undefined));
      const causeAt = server.kill9();
      const end = await reads.a[0]!;
      times.push(since(causeAt, end));
      if (end.code !== PEER_GONE) wrong += 1;
      await server.exited;
    }
  }
  return {
    ok: wrong === 0,
    inTime: quantile(times, 0.99) <= KILL_P99_MAX_MS,
    figures: { trials: count, wrong, p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: max(times) },
  };
}

interface Silence {
  /** Takes the path away, or more than that; when, ns. */
  readonly begin: (on: FlowHosts, server: Program) => Promise<bigint>;
  /** The ends that are left to notice. */
  readonly sides: readonly ('a' | 'b')[];
}

/** Both ends of all flows are to know within T + 1 s that nothing comes any more. */
async function silences(on: FlowHosts, count: number, { begin, sides }: Silence): Promise<Outcome> {
  const client = await on.program('a');
  let server: Program | null = null;
  const times: number[] = [];
  let wrong = 0;
  for (let done = 0; done < count; done += FLOWS_AT_ONCE) {
    server ??= await keepingServer(on);
    const reads = await blockedReads(client, server, Math.min(FLOWS_AT_ONCE, count - done));
    reads.b.forEach((read) => void read.catch(() => undefined));
    const causeAt = await begin(on, server);
    const ends = await Promise.all(sides.flatMap((side) => reads[side]));
    times.push(...ends.map((end) => since(causeAt, end)));
    wrong += ends.filter(({ code }) => code !== PEER_GONE).length;
    await on.relay.impair({});
    if (!sides.includes('b')) server = null;
  }
  return {
    ok: wrong === 0,
    inTime: max(times) <= T_MS + 1_000,
    figures: { flows: count, wrong, p50: quantile(times, 0.5), max: max(times) },
  };
}

async function keepingServer(on: FlowHosts): Promise<Program> {
  const server = await on.program('b');
  await server.call('serveKeep', 'keep');
  return server;
}

const now = (): bigint => process.hrtime.bigint();

const UNPLUGGED: Silence = {
  async begin(on) {
    const at = now();
    await on.relay.impair({ isDown: true });
    return at;
  },
  sides: ['a', 'b'],
};

const nothingFrom = (from: 'a' | 'b'): Silence => ({
  async begin(on) {
    const at = now();
    await on.relay.impairFrom(from, { isDown: true });
    return at;
  },
  sides: ['a', 'b'],
});

/** Killed while nothing it could say arrives. */
const KILLED_UNHEARD: Silence = {
  async begin(on, server) {
    await on.relay.impairFrom('b', { isDown: true });
    return server.kill9();
  },
  sides: ['a'],
};

const STALL_MS = 10_000;
const STALLED_EVERY_S = 600;

/** Nobody may be taken for dead who is not: idle flows under loss, and while both programs do not answer. */
async function noFalseAlarm(on: FlowHosts, seconds: number): Promise<Outcome> {
  const { client, server } = await serving(on, 'serveKeep', 'keep');
  await blockedReads(client, server, 2 * FLOWS_AT_ONCE).then(({ a, b }) =>
    [...a, ...b].forEach((read) => void read.catch(() => undefined)),
  );
  await on.relay.impair({ lossPct: 20, delayUs: 10_000 });
  const stallMs = Math.min(STALL_MS, (1_000 * seconds) / 2);
  let stalls = 0;
  for (let past = 0; past < seconds; past += STALLED_EVERY_S, stalls += 1) {
    await Promise.all([client.call('stall', stallMs), server.call('stall', stallMs)]);
    await sleep(1_000 * Math.min(STALLED_EVERY_S, seconds - past));
  }
  await on.relay.impair({});
  const open = [(await client.call('areOpen')) as number, (await server.call('areOpen')) as number];
  return {
    ok: open.every((flows) => flows === 2 * FLOWS_AT_ONCE),
    figures: { seconds, flows: 2 * FLOWS_AT_ONCE, openAtA: open[0]!, openAtB: open[1]!, stalls, stallMs },
  };
}

export const ENDS: readonly Scenario[] = [
  {
    id: 'K3.kill',
    promise: 'the end of a killed peer is known within 500 ms',
    sample: 3,
    full: 1_000,
    run: killedPeers,
  },
  {
    id: 'K3.unheard',
    promise: 'the end of a killed peer none of whose words arrives is known within T + 1 s',
    sample: FLOWS_AT_ONCE,
    full: 1_000,
    run: (on, count) => silences(on, count, KILLED_UNHEARD),
  },
  {
    id: 'K3.unplugged',
    promise: 'both hosts know within T + 1 s that the other is unplugged',
    sample: FLOWS_AT_ONCE,
    full: 1_000,
    run: (on, count) => silences(on, count, UNPLUGGED),
  },
  {
    id: 'N9.a',
    promise: 'both hosts know within T + 1 s that nothing comes from the client any more',
    sample: FLOWS_AT_ONCE,
    full: 100,
    run: (on, count) => silences(on, count, nothingFrom('a')),
  },
  {
    id: 'N9.b',
    promise: 'both hosts know within T + 1 s that nothing comes from the server any more',
    sample: FLOWS_AT_ONCE,
    full: 100,
    run: (on, count) => silences(on, count, nothingFrom('b')),
  },
  {
    id: 'K3.alarm',
    promise: 'nobody is taken for dead under 20 % loss, nor while programs stand still for 10 s',
    sample: 8,
    full: 3_600,
    run: noFalseAlarm,
  },
];

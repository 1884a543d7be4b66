import type { FlowHosts, Program } from '../support/flow-hosts.ts';
import { LAYER } from '../support/flow-hosts.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { max, serving, sleep, trials } from './scenario.ts';

const THINK_MS = [0, 1, 5, 10, 12, 15, 50, 100, 1_000];
/** Sharing makes some think times as long as the full table wants without a run of days. */
const LONG_THINK_MS = [10_000, 60_000];
const REPLY_GRACE_MS = 20_000;

interface RoundTrip {
  readonly reply?: string;
  readonly code?: string;
  readonly ms: number;
}

async function lateReplies(on: FlowHosts, count: number): Promise<Outcome> {
  const { client } = await serving(on, 'serveEcho', 'echo');
  await on.relay.impair({ delayUs: 1_000 });
  const times = count > THINK_MS.length ? [...THINK_MS, ...LONG_THINK_MS] : THINK_MS;
  const replies = await trials(count, 100, async (n) => {
    const think = `${times[n % times.length]!}`;
    const flow = await client.call('alloc', 'echo', { layer: LAYER, qos: 'data' });
    const { reply, ms } = (await client.call('roundTrip', flow, think, {
      timeoutMs: Number(think) + REPLY_GRACE_MS,
    })) as RoundTrip;
    await client.call('dealloc', flow);
    return { isRight: reply === think, lateMs: ms - Number(think) };
  });
  const missing = replies.filter(({ isRight }) => !isRight).length;
  return {
    ok: missing === 0,
    figures: { replies: count, missing, maxLateMs: max(replies.map(({ lateMs }) => lateMs)) },
  };
}

/**
 * Times of the layer that make the timers of a run short enough to be waited for; St is then 9.57 s. R is as long as the
 * silence after which a peer is gone: hosts that are late by more than that are not what is asked about.
 */
const SHORT = { mplMs: 50, rMs: 3_000, aMs: 50 };
const ST_MS = 9_566;
const IDLE_MS = [ST_MS - 1_000, ST_MS - 20, ST_MS, ST_MS + 20, ST_MS + 1_000];

async function idleThenTalk(on: FlowHosts, count: number): Promise<Outcome> {
  const { client } = await serving(on, 'serveEcho', 'echo');
  await on.relay.impair({ delayUs: 1_000 });
  const replies = await trials(count * IDLE_MS.length, 200, async (n) => {
    const flow = await client.call('alloc', 'echo', { layer: LAYER, qos: 'data' });
    const texts = ['0 first', '0 second', '0 third'];
    const said: (string | undefined)[] = [];
    for (const text of texts) {
      said.push(((await client.call('roundTrip', flow, text, { timeoutMs: 20_000 })) as RoundTrip).reply);
      if (text !== texts.at(-1)) await sleep(IDLE_MS[n % IDLE_MS.length]!);
    }
    await client.call('dealloc', flow);
    return said.join() === texts.join();
  });
  const missing = replies.filter((isRight) => !isRight).length;
  return { ok: missing === 0, figures: { flows: replies.length, missing } };
}

const STREAMS_AT_ONCE = 40;
const STREAM_GAP_MS = 100;

/** The server streams for longer than St while the client is silent; then the client speaks. */
async function streamThenTalk(on: FlowHosts, count: number): Promise<Outcome> {
  const { client, server } = await serving(on, 'serveKeep', 'keep');
  await on.relay.impair({ delayUs: 1_000 });
  let missing = 0;
  for (let done = 0; done < count; done += STREAMS_AT_ONCE) {
    const streams: Promise<boolean>[] = [];
    for (let kept = done + 1; kept <= Math.min(count, done + STREAMS_AT_ONCE); kept += 1) {
      const flow = await client.call('alloc', 'keep', { layer: LAYER, qos: 'data' });
      await client.call('write', flow, 'before');
      while (((await server.call('lastKept')) as number) < kept) await sleep(5);
      streams.push(isHeardAfterStream(client, server, flow, kept));
    }
    missing += (await Promise.all(streams)).filter((isHeard) => !isHeard).length;
  }
  return { ok: missing === 0, figures: { flows: count, missing } };
}

async function isHeardAfterStream(
  client: Program,
  server: Program,
  flow: unknown,
  kept: number,
): Promise<boolean> {
  await server.call('read', kept);
  const until = performance.now() + 1.3 * ST_MS;
  while (performance.now() < until) {
    await server.call('write', kept, 'streamed');
    await client.call('read', flow);
    await sleep(STREAM_GAP_MS);
  }
  await client.call('write', flow, 'after');
  const { text } = (await server.call('read', kept, { timeoutMs: 20_000 })) as { text?: string };
  await client.call('dealloc', flow);
  return text === 'after';
}

export const WAITING: readonly Scenario[] = [
  {
    id: 'N5',
    promise: 'a reply comes, however long the server has thought about it',
    sample: THINK_MS.length,
    full: 1_000,
    run: lateReplies,
  },
  {
    id: 'N6.idle',
    promise: 'a flow that was idle for about the time in which a run is forgotten carries what is said next',
    sample: 2,
    full: 200,
    settings: SHORT,
    run: idleThenTalk,
  },
  {
    id: 'N6.stream',
    promise:
      'a flow on which only the other side spoke for longer than a run lives carries what is said next',
    sample: 1,
    full: 200,
    settings: SHORT,
    run: streamThenTalk,
  },
];

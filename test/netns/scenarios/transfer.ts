import type { Impairment } from '../relay/link.ts';
import type { FlowHosts, Program } from '../support/flow-hosts.ts';
import { LAYER } from '../support/flow-hosts.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { max, quantile, serving, sleep, sum, trials } from './scenario.ts';

interface Upload {
  readonly isEqual: boolean;
  readonly ms: number;
  /** FRCP's at the sender. */
  readonly retransmits: number;
  readonly pdusSent: number;
}

/** Copies sent may be so many times those a sender that knew all would send ... */
const OVERHEAD_MAX = 1.5;
/** ... and so many more, which ask about the end of a transfer. */
const TAIL_COPIES = 2;
/** A path change may cost so much, ms. */
const CHANGE_MAX_MS = 5_000;
const SLOW_KBPS = 16_000;
/** Flows that one scenario has under way at the same time: they wait more than they work. */
const FLOWS_AT_ONCE = 20;
/** The relay has to keep up with a hundred copies. */
const STORMS_AT_ONCE = 8;
/** Without flow control more would only lose more. */
const RAW_FLOWS_AT_ONCE = 2;

const upload = (client: Program, bytes: number): Promise<Upload> =>
  client.call('upload', 'digest', { bytes, layer: LAYER }) as Promise<Upload>;

async function transfers(
  on: FlowHosts,
  count: number,
  bytes: number,
  faults: Partial<Impairment>,
): Promise<{ readonly uploads: Upload[]; readonly figures: Outcome['figures']; readonly failed: number }> {
  const { client } = await serving(on, 'serveDigest', 'digest');
  await on.relay.impair(faults);
  const done = await trials(count, FLOWS_AT_ONCE, () => upload(client, bytes).catch(() => null));
  await on.relay.impair({});
  const uploads = done.filter((one) => one?.isEqual === true) as Upload[];
  const times = uploads.map(({ ms }) => ms);
  const failed = count - uploads.length;
  const figures = { transfers: count, failed, p50: quantile(times, 0.5), max: max(times) };
  return { uploads, figures, failed };
}

/** A transfer under loss: whole, and with few more copies than were lost. */
async function lossy(on: FlowHosts, count: number, bytes: number, lossPct: number): Promise<Outcome> {
  const before = (await on.relay.counts('a')).lost;
  const { uploads, figures, failed } = await transfers(on, count, bytes, { lossPct, delayUs: 5_000 });
  const lost = (await on.relay.counts('a')).lost - before;
  const copies = sum(uploads.map(({ retransmits }) => retransmits));
  return {
    ok: failed === 0 && copies <= OVERHEAD_MAX * lost + TAIL_COPIES * count,
    figures: { ...figures, lost, copies, overhead: copies / lost },
  };
}

async function reorderedStorm(on: FlowHosts, count: number, messages: number): Promise<Outcome> {
  const { client, server } = await serving(on, 'serveCheck', 'check');
  await on.relay.impair({
    reorderPct: 50,
    reorderUs: 200_000,
    duplicatePct: 1,
    duplicateCopies: 100,
    delayUs: 1_000,
  });
  const options = { count: messages, layer: LAYER, qos: 'data' };
  const codes = await trials(count, STORMS_AT_ONCE, () => client.call('numbered', 'check', options));
  await on.relay.impair({});
  const failed = codes.filter((code) => code !== null).length;
  const received = (await server.call('received')) as Received;
  const { duplicates } = await on.relay.counts('a');
  return {
    ok:
      failed === 0 &&
      received.messages === count * messages &&
      received.corrupt + received.copies + received.late === 0 &&
      duplicates > 0,
    figures: { ...received, sent: count * messages, failed, duplicates },
  };
}

interface Received {
  readonly messages: number;
  readonly corrupt: number;
  readonly copies: number;
  readonly late: number;
}

/** The server deallocates as soon as it has read the end: its last acknowledgement may be lost, or come later. */
async function ends(on: FlowHosts, count: number): Promise<Outcome> {
  const { client, server } = await serving(on, 'serveCheck', 'check');
  await on.relay.impair({ lossPct: 20, reorderPct: 50, reorderUs: 200_000, delayUs: 1_000 });
  const options = { count: 10, layer: LAYER, qos: 'data' };
  const codes = await trials(count, FLOWS_AT_ONCE, () => client.call('numbered', 'check', options));
  await on.relay.impair({});
  const { messages } = (await server.call('received')) as Received;
  const failed = codes.filter((code) => code !== null).length;
  return { ok: failed === 0 && messages === 10 * count, figures: { flows: count, messages, failed } };
}

async function damaged(on: FlowHosts, count: number, messages: number, qos: string): Promise<Outcome> {
  const { client, server } = await serving(on, 'serveCheck', 'check');
  await on.relay.impair({ corruptPct: 1 });
  const options = { count: messages, layer: LAYER, qos, messageBytes: 500, gapMs: 0 };
  const atOnce = qos === 'data' ? FLOWS_AT_ONCE : RAW_FLOWS_AT_ONCE;
  await trials(count, atOnce, () => client.call('numbered', 'check', options));
  await on.relay.impair({});
  const received = (await server.call('received')) as Received;
  const { corrupted } = await on.relay.counts('a');
  const isWhole = qos !== 'data' || received.messages === count * messages;
  return {
    ok: received.corrupt === 0 && received.copies === 0 && received.messages > 0 && corrupted > 0 && isWhole,
    figures: { ...received, sent: count * messages, corrupted },
  };
}

/** A slow transfer while something happens to the path; how much longer than without it takes. */
async function disturbed(
  on: FlowHosts,
  count: number,
  bytes: number,
  disturb: (isOver: () => boolean) => Promise<number>,
): Promise<Outcome> {
  const { client } = await serving(on, 'serveDigest', 'digest');
  const calm = { rateKbps: SLOW_KBPS, delayUs: 5_000 };
  const cleanMs = (bytes * 8) / SLOW_KBPS;
  const late: number[] = [];
  let failed = 0;
  for (let n = 0; n < count; n += 1) {
    await on.relay.impair(calm);
    let isOver = false;
    const uploading = upload(client, bytes)
      .catch(() => null)
      .finally(() => (isOver = true));
    const changes = await disturb(() => isOver);
    const done = await uploading;
    if (done?.isEqual !== true) failed += 1;
    else late.push((done.ms - cleanMs) / Math.max(1, changes));
  }
  await on.relay.impair({});
  return {
    ok: failed === 0,
    inTime: max(late) <= CHANGE_MAX_MS,
    figures: { transfers: count, failed, lateMsPerChange: max(late) },
  };
}

async function narrowing(on: FlowHosts, isOver: () => boolean): Promise<number> {
  let changes = 0;
  for (const mtuBytes of [1_500, 1_280, 576]) {
    await sleep(200);
    if (isOver()) break;
    await on.relay.impair({ rateKbps: SLOW_KBPS, delayUs: 5_000, mtuBytes });
    changes += 1;
  }
  return changes;
}

async function rebinding(
  on: FlowHosts,
  isOver: () => boolean,
  firstMs: number,
  everyMs: number,
): Promise<number> {
  let changes = 0;
  for (let waitMs = firstMs; ; waitMs = everyMs) {
    for (let waited = 0; waited < waitMs && !isOver(); waited += 50) await sleep(50);
    if (isOver()) return changes;
    await on.relay.rebind('a');
    changes += 1;
  }
}

/** The n-th packet from a is lost, once or each time; how many copies FRCP sent for each. */
async function repairCost(on: FlowHosts, count: number, bytes: number, gaps: number): Promise<Outcome> {
  const { client } = await serving(on, 'serveDigest', 'digest');
  const before = (await on.relay.counts('a')).lost;
  await on.relay.impairFrom('a', { delayUs: 2_000, loseEvery: Math.ceil(bytes / 1_100 / (gaps + 1)) });
  await on.relay.impairFrom('b', { delayUs: 2_000 });
  const atOnce = gaps === 1 ? 1 : FLOWS_AT_ONCE;
  const uploads = await trials(count, atOnce, () => upload(client, bytes).catch(() => null));
  await on.relay.impair({});
  const lost = (await on.relay.counts('a')).lost - before;
  const whole = uploads.filter((one) => one?.isEqual === true) as Upload[];
  const failed = count - whole.length;
  const copies = sum(whole.map(({ retransmits }) => retransmits));
  return {
    ok: failed === 0 && lost > 0 && copies <= (gaps === 1 ? lost + count : 2 * lost),
    figures: { transfers: count, failed, gaps: lost, copies },
  };
}

const MB = 1_000_000;

export const TRANSFER: readonly Scenario[] = [
  ...(
    [
      [2, 2 * MB, MB / 4],
      [10, 10 * MB, MB / 4],
      [30, MB, MB / 20],
    ] as const
  ).map(([lossPct, bytes, sampleBytes]) => ({
    id: `N3.${lossPct}`,
    promise: `a transfer at ${lossPct} % loss both ways arrives whole, with few more copies than packets were lost`,
    sample: 1,
    full: 100,
    run: (on: FlowHosts, count: number) => lossy(on, count, count === 1 ? sampleBytes : bytes, lossPct),
  })),
  {
    id: 'N8',
    promise: 'messages that are reordered by up to 200 ms and copied a hundred times come once and in order',
    sample: 1,
    full: 100,
    run: (on, count) => reorderedStorm(on, count, count === 1 ? 500 : 10_000),
  },
  {
    id: 'I24',
    promise: 'the end of a flow whose peer has read all and ended too is a clean end',
    sample: 8,
    full: 1_000,
    run: ends,
  },
  {
    id: 'N11',
    promise: 'a transfer goes on within 5 s when the path silently narrows to 1500, 1280, 576 bytes',
    sample: 1,
    full: 50,
    run: (on, count) => disturbed(on, count, 2 * MB, (isOver) => narrowing(on, isOver)),
  },
  {
    id: 'N13',
    promise: 'a transfer goes on within 5 s when the port of its sender changes on the way',
    sample: 1,
    full: 50,
    run: (on, count) =>
      count === 1
        ? disturbed(on, 1, MB, (isOver) => rebinding(on, isOver, 200, 60_000))
        : disturbed(on, count, 10 * MB, (isOver) => rebinding(on, isOver, 1_000, 5_000)),
  },
  {
    id: 'N14.1',
    promise: 'one lost packet costs at most one copy more than it',
    sample: 1,
    full: 50,
    run: (on, count) => repairCost(on, count, count === 1 ? MB / 4 : 10 * MB, 1),
  },
  {
    id: 'N14.100',
    promise: 'a hundred lost packets cost at most twice as many copies',
    sample: 1,
    full: 50,
    run: (on, count) => (count === 1 ? repairCost(on, 1, MB, 10) : repairCost(on, count, 10 * MB, 100)),
  },
  ...['rawNoErrors', 'bestEffort', 'data'].map((qos) => ({
    id: `N18.${qos}`,
    promise: `of messages on a ${qos} flow with 1 % of the packets damaged none is delivered damaged`,
    sample: 1,
    full: 100,
    run: (on: FlowHosts, count: number) => damaged(on, count, count === 1 ? 1_000 : 10_000, qos),
  })),
];

import { crc32 } from 'node:zlib';
import { Dice } from '../../sim/seeded.ts';
import type { FlowHosts, Program } from '../support/flow-hosts.ts';
import { LAYER, UDP_PORT } from '../support/flow-hosts.ts';
import { processorUse } from '../../scenarios/processor-use.mjs';
import type { Outcome, Scenario } from './scenario.ts';
import { max, residentMb, serving, sleep } from './scenario.ts';

/** Kinds of packets: packages/ipcpd/src/core/udp/packet.ts. */
const KIND_DATA = 1;
const EID_AT = 4;
const NUMBER_AT = 8;
const RECORDED_MAX = 2_000;
/** RFC 9000, 8.1: what an address that is not validated may get back, times what it sent. */
const AMPLIFICATION_MAX = 3;
const ANSWER_WAIT_MS = 1_500;
const HONEST_MAX_MS = 2_000;
const SOURCES = Array.from({ length: 200 }, (_, n) => `10.9.3.${n + 1}`);

/** Everything host a says in its flows' lives, each datagram once. */
async function conversation(on: FlowHosts, client: Program): Promise<Uint8Array[]> {
  await on.relay.record(RECORDED_MAX);
  for (const qos of ['raw', 'data']) {
    const flow = await client.call('alloc', 'echo', { layer: LAYER, qos });
    await client.call('roundTrip', flow, 'spoken');
    await client.call('dealloc', flow);
  }
  return said(on, 'a');
}

async function said(on: FlowHosts, side: 'a' | 'b'): Promise<Uint8Array[]> {
  return (await on.relay.recorded()).filter(({ from }) => from === side).map(({ datagram }) => datagram);
}

const kindOf = (datagram: Uint8Array): number => datagram[0]! & 15;

async function flowsAt(on: FlowHosts, side: 'a' | 'b'): Promise<number> {
  return ((await on.daemon(side).irmJson('flow', 'list')) as unknown[]).length;
}

async function noFlowsAt(on: FlowHosts, side: 'a' | 'b'): Promise<void> {
  for (let tries = 0; tries < 100 && (await flowsAt(on, side)) > 0; tries += 1) await sleep(50);
}

async function flooded(on: FlowHosts, seconds: number): Promise<Outcome> {
  const { client } = await serving(on, 'serveEcho', 'echo');
  const requests = (await conversation(on, client)).filter((datagram) => kindOf(datagram) !== KIND_DATA);
  const wire = on.hosts.wire!;
  wire.ip('route replace local 10.9.3.0/24 dev lo');
  on.hosts.b.ip(`route replace 10.9.3.0/24 via ${on.hosts.addresses.b.peer}`);
  const stranger = await on.stranger();
  const { own } = on.hosts.addresses.b;
  const pid = await on.ipcpPid('b');
  const before = { processor: processorUse(pid).seconds, mb: residentMb(pid) };
  const flooding = stranger.call('flood', requests, SOURCES, own, UDP_PORT, seconds * 1_000);
  let isOver = false;
  const sending = flooding.finally(() => (isOver = true)) as Promise<number>;
  const times: number[] = [];
  let failed = 0;
  while (!isOver) {
    const [attempt] = (await client.call('allocations', 'echo', 1, { layer: LAYER, qos: 'raw' })) as {
      ms: number;
      code: string | null;
    }[];
    times.push(attempt!.ms);
    if (attempt!.code !== null) failed += 1;
  }
  const sent = await sending;
  return {
    ok: failed === 0 && sent > 0,
    inTime: max(times) <= HONEST_MAX_MS,
    figures: {
      perSecond: sent / seconds,
      honest: times.length,
      failed,
      slowestMs: max(times),
      ipcpCorePct: (100 * (processorUse(pid).seconds - before.processor)) / seconds,
      ipcpGrewMb: residentMb(pid) - before.mb,
    },
  };
}

async function amplified(on: FlowHosts): Promise<Outcome> {
  const { client } = await serving(on, 'serveEcho', 'echo');
  const datagrams = await conversation(on, client);
  const stranger = await on.stranger();
  const { own, peer } = on.hosts.addresses.b;
  const back = (await stranger.call('answers', datagrams, peer, own, UDP_PORT, ANSWER_WAIT_MS)) as number[];
  const ratios = datagrams.map((datagram, n) => back[n]! / datagram.length);
  return {
    ok: max(ratios) <= AMPLIFICATION_MAX,
    figures: {
      kinds: [...new Set(datagrams.map(kindOf))].sort().join(' '),
      datagrams: datagrams.length,
      answered: back.filter((bytes) => bytes > 0).length,
      worst: max(ratios),
    },
  };
}

async function replayed(on: FlowHosts, copies: number): Promise<Outcome> {
  const { client, server } = await serving(on, 'serveEcho', 'echo');
  const datagrams = await conversation(on, client);
  await noFlowsAt(on, 'b');
  const before = (await server.call('accepted')) as number;
  for (let done = 0; done < copies; done += 1) {
    await on.relay.inject('a', datagrams);
    await sleep(copies > 100 ? 60 : 300);
  }
  const flow = await client.call('alloc', 'echo', { layer: LAYER, qos: 'data' });
  const { reply } = (await client.call('roundTrip', flow, 'still here')) as { reply?: string };
  await client.call('dealloc', flow);
  await noFlowsAt(on, 'b');
  const accepted = ((await server.call('accepted')) as number) - before - 1;
  const left = await flowsAt(on, 'b');
  return {
    ok: accepted === 0 && left === 0 && reply === 'still here',
    figures: { datagrams: datagrams.length, copies, accepted, flowsLeft: left },
  };
}

const MESSAGES = 50;

interface Received {
  readonly messages: number;
  readonly corrupt: number;
  readonly copies: number;
}

/** A flow with some messages on it, and the data packets that carried them. */
async function spoken(
  on: FlowHosts,
  qos: string,
): Promise<{ client: Program; server: Program; flow: unknown; packets: Uint8Array[] }> {
  const { client, server } = await serving(on, 'serveCheck', 'check');
  await on.relay.record(RECORDED_MAX);
  const flow = await client.call('alloc', 'check', { layer: LAYER, qos });
  await client.call('writeNumbered', flow, 0, MESSAGES);
  await hasReceived(server, MESSAGES);
  const packets = (await said(on, 'a')).filter((datagram) => kindOf(datagram) === KIND_DATA);
  return { client, server, flow, packets };
}

async function hasReceived(server: Program, messages: number): Promise<Received> {
  for (let tries = 0; tries < 400; tries += 1) {
    const received = (await server.call('received')) as Received;
    if (received.messages >= messages) return received;
    await sleep(10);
  }
  return (await server.call('received')) as Received;
}

/** After the attack: one message more, and nothing else. */
async function isUnmoved(client: Program, server: Program, flow: unknown): Promise<Received> {
  await client.call('writeNumbered', flow, MESSAGES, 1);
  await hasReceived(server, MESSAGES + 1);
  await sleep(200);
  return (await server.call('received')) as Received;
}

/** Somebody who is not the peer guesses EIDs, and at last knows them. */
async function injected(on: FlowHosts, guesses: number): Promise<Outcome> {
  const { client, server, flow, packets } = await spoken(on, 'raw');
  const stranger = await on.stranger();
  const { own, peer } = on.hosts.addresses.b;
  await stranger.call('open', peer, 0);
  const dice = new Dice(11);
  const forged = (eid: number | null, number: number): Uint8Array => {
    const datagram = Buffer.from(packets[0]!);
    if (eid !== null) datagram.writeUInt32BE(eid, EID_AT);
    datagram.writeUInt32BE(number, NUMBER_AT);
    return datagram;
  };
  for (let done = 0; done < guesses; done += 500) {
    const some = Array.from({ length: Math.min(500, guesses - done) }, () => forged(dice.u32(), 1_000));
    await stranger.call('sendBytes', some, own, UDP_PORT);
  }
  const known = Array.from({ length: 100 }, (_, n) => forged(null, 1_000 + n));
  await stranger.call('sendBytes', known, own, UDP_PORT);
  const received = await isUnmoved(client, server, flow);
  return {
    ok: received.messages === MESSAGES + 1 && received.corrupt === 0,
    figures: { guesses, knownEid: known.length, ...received },
  };
}

/** Each data packet again, several times, and back to its sender. */
async function repeated(on: FlowHosts, copies: number, qos: string): Promise<Outcome> {
  const { client, server, flow, packets } = await spoken(on, qos);
  for (let done = 0; done < copies; done += 1) {
    await on.relay.inject('a', packets);
    await on.relay.inject('b', packets);
    if (copies > 10) await sleep(5);
  }
  const received = await isUnmoved(client, server, flow);
  const { text } = (await client.call('read', flow, { timeoutMs: 200 })) as { text?: string };
  return {
    ok: received.messages === MESSAGES + 1 && received.copies + received.corrupt === 0 && text === undefined,
    figures: { packets: 2 * packets.length * copies, ...received, reflected: text === undefined ? 0 : 1 },
  };
}

/** Damaged on purpose, with a check that is right: nothing a decoder may trip over. */
async function distorted(on: FlowHosts, count: number): Promise<Outcome> {
  const { client } = await serving(on, 'serveEcho', 'echo');
  const datagrams = await conversation(on, client);
  const dice = new Dice(12);
  const pid = await on.ipcpPid('b');
  for (let done = 0; done < count; done += 1)
    await on.relay.inject('a', [distortedCopy(dice, dice.pick(datagrams))]);
  const flow = await client.call('alloc', 'echo', { layer: LAYER, qos: 'data' });
  const { reply } = (await client.call('roundTrip', flow, 'still here')) as { reply?: string };
  await client.call('dealloc', flow);
  const isSame = (await on.ipcpPid('b')) === pid;
  return { ok: reply === 'still here' && isSame, figures: { datagrams: count, isSame: String(isSame) } };
}

function distortedCopy(dice: Dice, datagram: Uint8Array): Uint8Array {
  const bytes = Buffer.from(datagram);
  for (let n = dice.between(1, 4); n > 0; n -= 1) bytes[dice.below(bytes.length)] = dice.below(256);
  const checked = bytes.length - 4;
  if (checked > 4) bytes.writeUInt32BE(crc32(bytes.subarray(0, checked)), checked);
  return dice.chance(100) ? bytes.subarray(0, dice.below(bytes.length)) : bytes;
}

export const HOSTILE: readonly Scenario[] = [
  {
    id: 'H8',
    promise: 'honest allocations succeed while strangers with forged addresses flood the host',
    sample: 2,
    full: 600,
    run: flooded,
  },
  {
    id: 'H9',
    promise: `no datagram of a stranger brings back more than ${AMPLIFICATION_MAX} times its bytes`,
    sample: 1,
    full: 1,
    run: amplified,
  },
  {
    id: 'H10',
    promise: 'an allocation that is sent again later is not accepted again',
    sample: 3,
    full: 10_000,
    run: replayed,
  },
  {
    id: 'H11',
    promise: 'data of somebody who is not the peer is not delivered, not even with the right EID',
    sample: 2_000,
    full: 1_000_000,
    run: injected,
  },
  {
    id: 'H11.distorted',
    promise: 'an IPCP goes on whatever bytes come in',
    sample: 500,
    full: 100_000,
    run: distorted,
  },
  ...['raw', 'data'].map((qos) => ({
    id: `H12.${qos}`,
    promise: `data of a ${qos} flow that is sent again, or back to its sender, is delivered once`,
    sample: 3,
    full: 10_000,
    run: (on: FlowHosts, copies: number) => repeated(on, copies, qos),
  })),
];

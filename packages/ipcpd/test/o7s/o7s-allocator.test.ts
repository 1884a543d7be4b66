import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import * as fc from 'fast-check';
import type { FlowReply, FlowRequest } from '../../src/core/o7s/management-frame.ts';
import { decodeFrame, encodeFrame } from '../../src/core/o7s/management-frame.ts';
import { HashedNames } from '../../src/core/o7s/name-hash.ts';
import { decodeOap, encodeOap, plainOap } from '../../src/core/o7s/oap-header.ts';
import { stampOf } from '../../src/core/o7s/oap-checks.ts';
import { O7sAllocator } from '../../src/core/o7s/o7s-allocator.ts';
import { capture, hexOf } from './captures.ts';
import { nodeDigest } from './node-digest.ts';
import { O7sWorld, SECOND, UTC_START_US } from './o7s-world.ts';

const PARAMS = { mplMs: 5_000, aMs: 15, rMs: 120_000, mtuBytes: 8_976 };
const EMPTY_TABLES = { flows: 0, incoming: 0, eids: 0, resting: 0, answers: 0, peers: 0, timers: 0 };

describe('beside the recorded raw ping', () => {
  const [asked, answered] = capture('raw-oping').map(({ bytes }) => bytes) as [Uint8Array, Uint8Array];
  const oapOf = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer).getBigUint64(at);

  test('we answer the C request with the bytes of the C server, and for another number of nanoseconds', () => {
    const names = new HashedNames(nodeDigest);
    names.register('oping');
    const utc = Number(oapOf(answered, 63) / 1_000n);
    const server = new O7sAllocator({
      params: PARAMS,
      names,
      digest: nodeDigest,
      random: () => 64,
      utcUs: () => utc,
    });
    const [told] = server.handle({ t: 'pdu', peer: 'a', pdu: asked }, 0);
    expect(told).toMatchObject({
      message: { t: 'ipcp-incoming', incoming: 1, name: 'oping', qos: qosCubes.raw },
    });
    const out = server.handle({ t: 'accept', incoming: 1, flow: 5 }, 600);
    expect(out[0]).toEqual({ t: 'bind', flow: 5, peer: 'a', qos: qosCubes.raw, sEid: 64, rEid: 64 });
    const expected = answered.slice();
    new DataView(expected.buffer).setBigUint64(63, stampOf(utc));
    expect(out[1]).toMatchObject({ t: 'send', peer: 'a' });
    expect(hexOf((out[1] as { pdu: Uint8Array }).pdu)).toBe(hexOf(expected));
  });

  test('we ask as the C client does, a few seconds back', () => {
    const draws = [0, 0x2107_ad54, 0x58b1_28ae, 0xdc6e_0abe, 0xcb94_e2f9, 64];
    const utc = Number(oapOf(asked, 79) / 1_000n);
    const client = new O7sAllocator({
      params: PARAMS,
      names: new HashedNames(nodeDigest),
      digest: nodeDigest,
      random: () => draws.shift()!,
      utcUs: () => utc,
    });
    const input = {
      t: 'request',
      flow: 3,
      peer: 'b',
      name: 'oping',
      qos: qosCubes.raw,
      timeoutMs: 1_000,
    } as const;
    const [sent] = client.handle(input, 0);
    const expected = asked.slice();
    new DataView(expected.buffer).setBigUint64(79, stampOf(utc - 9_950_000));
    expect(hexOf((sent as { pdu: Uint8Array }).pdu)).toBe(hexOf(expected));
  });
});

describe('an allocation', () => {
  test('makes a flow between two EIDs, at both ends with the QoS asked for but ber 1', () => {
    const world = new O7sWorld();
    world.allocate(7);
    const [a] = world.a.all('bind');
    const [b] = world.b.all('bind');
    expect(a).toMatchObject({ flow: 7, peer: 'b', sEid: b!.rEid, rEid: b!.sEid });
    const qos = { ...qosCubes.data, timeout: 3_000, ber: 1 };
    expect(world.a.told('ipcp-allocated')).toEqual([{ t: 'ipcp-allocated', flow: 7, qos, params: PARAMS }]);
    expect(world.b.told('ipcp-incoming')).toMatchObject([{ name: 'oping', qos }]);
  });

  //= R-OUDP-11
  test.each([-9.9, 0, 9.9])('succeeds with a clock %d s ahead of the server', (skew) => {
    const world = new O7sWorld();
    world.a.skewUs = skew * SECOND;
    world.allocate(7);
    expect(world.a.all('bind').length).toBe(1);
  });

  test.each([-10.2, 10.2])('is refused with a clock %d s ahead', (skew) => {
    const world = new O7sWorld();
    world.a.skewUs = skew * SECOND;
    world.request(7);
    world.run(1);
    expect(world.a.told('ipcp-refused')).toEqual([{ t: 'ipcp-refused', flow: 7, code: 'FLOWRING_AUTH' }]);
    expect(world.b.told('ipcp-incoming')).toEqual([]);
  });

  //= R-OUDP-30
  test('whose request is lost is tried again with another EID, id and stamp, four times in all', () => {
    const world = new O7sWorld();
    world.a.passes = () => false;
    world.request(7, { timeoutMs: 120_000 });
    world.run(60);
    const tries = world.a.frames as FlowRequest[];
    expect(tries.length).toBe(4);
    expect(new Set(tries.map((one) => one.sEid)).size).toBe(4);
    expect(new Set(tries.map((one) => hexOf(decodeOap(one.oap, 0)!.id))).size).toBe(4);
    expect(new Set(tries.map((one) => decodeOap(one.oap, 0)!.stampNs)).size).toBe(4);
    world.run(61);
    expect(world.a.told('ipcp-refused')).toMatchObject([{ code: 'FLOWRING_TIMEOUT' }]);
  });

  test('survives the loss of its first request', () => {
    const world = new O7sWorld();
    let first = true;
    world.a.passes = () => !first || (first = false);
    world.request(7);
    world.run(5);
    world.accept(7);
    world.run(1);
    expect(world.a.all('bind').length).toBe(1);
  });

  //= R-OUDP-31
  test('whose reply was lost makes one flow here, and the one left at the server ends by silence', () => {
    const world = new O7sWorld();
    world.b.passes = () => false;
    world.request(7);
    world.run(0.1);
    world.accept(1);
    world.b.passes = () => true;
    world.run(5);
    world.accept(2);
    world.run(30);
    expect(world.a.all('bind').map((one) => one.rEid)).toEqual([world.b.all('bind')[1]!.sEid]);
    expect(world.b.all('ended')).toEqual([{ t: 'ended', flow: 1, errno: 1_006 }]);
    expect(world.a.all('ended')).toEqual([]);
  });

  test('refused by the program is refused with its reason, at once', () => {
    const world = new O7sWorld();
    world.request(7);
    world.run(0.05);
    world.input(world.b, { t: 'refuse', incoming: 1, code: 'FLOWRING_NO_ACCEPTOR' });
    world.run(0.05);
    expect((world.b.frames[0] as FlowReply).response).toBe(-1_101);
    expect(world.a.told('ipcp-refused')).toMatchObject([{ code: 'FLOWRING_NO_ACCEPTOR' }]);
  });

  //= R-OUDP-34
  test('to a name nobody registered is refused at once', () => {
    const world = new O7sWorld();
    world.request(7, { name: 'nobody' });
    world.run(0.1);
    expect(encodeFrame(world.b.frames[0]!).length).toBe(47);
    expect(world.a.told('ipcp-refused')).toMatchObject([{ code: 'FLOWRING_NAME_UNKNOWN' }]);
    expect(world.b.stats('requestsUnknownName')).toBe(1);
  });

  //= R-OUDP-33
  test('nobody decides on for 15 s is forgotten without an answer', () => {
    const world = new O7sWorld();
    world.request(7, { timeoutMs: 2_000 });
    world.run(16);
    expect(world.b.frames).toEqual([]);
    expect(world.b.told('ipcp-incoming-gone')).toEqual([{ t: 'ipcp-incoming-gone', incoming: 1 }]);
    world.input(world.b, { t: 'accept', incoming: 1, flow: 9 });
    expect(world.b.frames).toEqual([]);
    expect(world.b.all('ended')).toEqual([{ t: 'ended', flow: 9, errno: 1_006 }]);
  });

  //= R-OUDP-38
  test('with a first message is refused: a C peer would drop it', () => {
    const world = new O7sWorld();
    const data = Uint8Array.of(1);
    const ask = { t: 'request', peer: 'b', name: 'oping', qos: qosCubes.raw, timeoutMs: 1_000 } as const;
    world.input(world.a, { ...ask, flow: 7, data });
    expect(world.a.told('ipcp-refused')).toMatchObject([{ code: 'FLOWRING_NOT_SUPPORTED' }]);
    world.input(world.a, { ...ask, flow: 8 });
    world.run(0.1);
    world.input(world.b, { t: 'accept', incoming: 1, flow: 9, data });
    world.run(0.1);
    expect(world.b.all('ended')).toEqual([{ t: 'ended', flow: 9, errno: 95 }]);
    expect(world.a.told('ipcp-refused')[1]).toMatchObject({ flow: 8, code: 'FLOWRING_NOT_SUPPORTED' });
  });

  test('cancelled leaves nothing, and its late answer is dropped', () => {
    const world = new O7sWorld();
    world.request(7);
    world.run(0.1);
    world.input(world.a, { t: 'local-end', flow: 7, errno: 125 });
    world.accept(9);
    world.run(0.1);
    world.input(world.a, { t: 'release', flow: 7 });
    expect(world.a.all('bind')).toEqual([]);
    expect(world.a.stats('repliesStray')).toBe(1);
    expect(world.a.told('ipcp-released')).toEqual([{ t: 'ipcp-released', flow: 7 }]);
  });
});

//= R-OUDP-36
test('EIDs are all different and fit the signed integers of C', () => {
  const world = new O7sWorld();
  for (let flow = 1; flow <= 50; flow += 1) world.request(flow);
  const eids = world.a.frames.map((frame) => frame.sEid);
  expect(new Set(eids).size).toBe(50);
  expect(Math.max(...eids)).toBeLessThan(0x8000_0000);
  expect(Math.max(...eids)).toBeGreaterThan(0x4000_0000);
});

describe('a request', () => {
  function askedOnce(): { world: O7sWorld; bytes: Uint8Array } {
    const world = new O7sWorld();
    world.request(7);
    world.run(0.1);
    return { world, bytes: world.a.all('send')[0]!.pdu };
  }

  //= R-OUDP-32
  test.each(['before', 'after', 'long after'])(
    'copied in the network %s its answer is not answered',
    (when) => {
      const { world, bytes } = askedOnce();
      if (when === 'before') world.inject(world.b, 'a', bytes);
      world.accept(9);
      if (when === 'long after') world.run(59);
      world.inject(world.b, 'a', bytes);
      world.run(1);
      expect(world.b.frames.length).toBe(1);
      expect(world.b.told('ipcp-incoming').length).toBe(1);
    },
  );

  //= R-OUDP-35
  test('of EID 0 is dropped: what we sent there would be management', () => {
    const { world, bytes } = askedOnce();
    const frame = decodeFrame(bytes) as FlowRequest;
    const oap = encodeOap(plainOap(new Uint8Array(16), stampOf(UTC_START_US)));
    world.inject(world.b, 'x', encodeFrame({ ...frame, sEid: 0, oap }));
    expect(world.b.frames).toEqual([]);
    expect(world.b.stats('framesMalformed')).toBe(1);
  });

  //= R-OUDP-13
  test('for encryption is refused with the reason C gives', () => {
    const { world, bytes } = askedOnce();
    const frame = decodeFrame(bytes) as FlowRequest;
    const plain = plainOap(new Uint8Array(16), stampOf(UTC_START_US + world.nowUs));
    const oap = encodeOap({ ...plain, keyExchange: { ...plain.keyExchange, bytes: Uint8Array.of(1) } });
    world.inject(world.b, 'x', encodeFrame({ ...frame, oap }));
    expect(world.b.frames).toMatchObject([{ t: 'reply', response: -1_008, oap: new Uint8Array(0) }]);
  });
});

//= R-OUDP-31
describe('a reply', () => {
  function waiting(): { world: O7sWorld; yes: FlowReply; no: FlowReply } {
    const world = new O7sWorld();
    world.request(7);
    world.run(0.1);
    world.b.passes = () => false;
    world.accept(9);
    const yes = world.b.frames[0] as FlowReply;
    return { world, yes, no: { ...yes, response: -1_009, dEid: 3, oap: new Uint8Array(0) } };
  }

  test('from another address is dropped', () => {
    const { world, yes } = waiting();
    world.inject(world.a, 'c', encodeFrame(yes));
    expect(world.a.all('bind')).toEqual([]);
    expect(world.a.stats('repliesStray')).toBe(1);
  });

  //= R-OUDP-12
  test('with another id is dropped, with another hash of the request refused', () => {
    const { world, yes } = waiting();
    const oap = yes.oap.slice();
    oap[3]! ^= 1;
    world.inject(world.a, 'b', encodeFrame({ ...yes, oap }));
    expect([world.a.all('bind').length, world.a.stats('repliesStray')]).toEqual([0, 1]);
    oap[3]! ^= 1;
    oap[40]! ^= 1;
    world.inject(world.a, 'b', encodeFrame({ ...yes, oap }));
    expect(world.a.told('ipcp-refused')).toMatchObject([{ code: 'FLOWRING_AUTH' }]);
  });

  test('that names EID 0 or holds no header is dropped', () => {
    const { world, yes } = waiting();
    world.inject(world.a, 'b', encodeFrame({ ...yes, dEid: 0 }));
    world.inject(world.a, 'b', encodeFrame({ ...yes, oap: new Uint8Array(0) }));
    expect([world.a.all('bind').length, world.a.stats('framesMalformed')]).toEqual([0, 2]);
  });

  test('that refuses a copy of the request, behind the acceptance, changes nothing', () => {
    const { world, yes, no } = waiting();
    for (const reply of [yes, no]) world.inject(world.a, 'b', encodeFrame(reply));
    expect(world.a.all('bind').length).toBe(1);
    expect(world.a.told('ipcp-refused')).toEqual([]);
  });

  test('that refuses a copy of the request, ahead of the acceptance, gives way to it', () => {
    const { world, yes, no } = waiting();
    for (const reply of [no, yes]) world.inject(world.a, 'b', encodeFrame(reply));
    world.run(2);
    expect(world.a.all('bind').length).toBe(1);
    expect(world.a.told('ipcp-refused')).toEqual([]);
  });

  test('that refuses is believed after half a second without an acceptance', () => {
    const { world, no } = waiting();
    world.inject(world.a, 'b', encodeFrame(no));
    world.run(0.4);
    expect(world.a.told('ipcp-refused')).toEqual([]);
    world.run(0.2);
    expect(world.a.told('ipcp-refused')).toMatchObject([{ code: 'FLOWRING_AUTH' }]);
  });

  test('without a reason is a refusal', () => {
    const { world, no } = waiting();
    world.inject(world.a, 'b', encodeFrame({ ...no, response: -1 }));
    expect(world.a.told('ipcp-refused')).toMatchObject([{ code: 'FLOWRING_REFUSED' }]);
  });
});

//= R-OUDP-03
//= R-OUDP-40
describe('liveness', () => {
  test('idle ends send eight keepalives in a timeout and live', () => {
    const world = new O7sWorld();
    world.allocate(7);
    world.run(30);
    expect(world.a.keepalives).toBeGreaterThanOrEqual(78);
    expect(world.a.keepalives).toBeLessThanOrEqual(80);
    expect([...world.a.all('ended'), ...world.b.all('ended')]).toEqual([]);
  });

  test('an end that sends data sends no keepalives', () => {
    const world = new O7sWorld();
    world.allocate(7);
    const { sEid } = world.a.all('bind')[0]!;
    for (let n = 0; n < 100; n += 1) {
      world.a.allocator.noteSent(sEid, world.nowUs);
      world.run(0.2);
    }
    expect(world.a.keepalives).toBe(0);
  });

  test('a silent peer is gone after the timeout, and not before', () => {
    const world = new O7sWorld();
    world.allocate(7);
    world.b.passes = () => false;
    world.run(2.5);
    expect(world.a.all('ended')).toEqual([]);
    world.run(0.6);
    expect(world.a.all('ended')).toEqual([{ t: 'ended', flow: 7, errno: 1_006 }]);
  });

  test('a flow without a timeout is neither kept alive nor ended', () => {
    const world = new O7sWorld();
    world.allocate(7, { timeout: 0 });
    world.a.passes = world.b.passes = () => false;
    world.run(1_000);
    expect([world.a.keepalives, world.a.all('ended').length]).toEqual([0, 0]);
  });

  test('our own stall is not held against the peer', () => {
    const world = new O7sWorld();
    world.allocate(7);
    world.a.stalled = true;
    world.b.passes = () => false;
    world.run(10);
    world.a.stalled = false;
    world.b.passes = () => true;
    world.run(2);
    expect(world.a.all('ended')).toEqual([]);
  });

  test('a peer that was heard right after our stall gets no more than its timeout', () => {
    const world = new O7sWorld();
    world.allocate(7);
    world.a.allocator.noteData(world.a.all('bind')[0]!.sEid, world.nowUs + 100 * SECOND, 'b');
    world.b.passes = () => false;
    world.a.stalled = true;
    world.run(100);
    world.a.stalled = false;
    world.run(3.1);
    expect(world.a.all('ended').length).toBe(1);
  });

  //= R-OUDP-37
  test('data from another address than the peer is not taken, nor for life', () => {
    const world = new O7sWorld();
    world.allocate(7);
    const { sEid } = world.a.all('bind')[0]!;
    expect(world.a.allocator.noteData(sEid, world.nowUs, 'c')).toBe(0);
    expect(world.a.allocator.noteData(sEid ^ 1, world.nowUs, 'b')).toBe(0);
    expect(world.a.allocator.noteData(sEid, world.nowUs, 'b')).toBe(7);
    expect(world.a.stats('packetsFromStrangers')).toBe(1);
  });

  test('data ahead of its reply belongs to the flow that is asked for', () => {
    const world = new O7sWorld();
    world.request(7);
    expect(world.a.allocator.noteData((world.a.frames[0] as FlowRequest).sEid, world.nowUs, 'b')).toBe(7);
  });
});

//= R-OUDP-41
test('an end that deallocated sends nothing more, and the other learns it by silence', () => {
  const world = new O7sWorld();
  world.allocate(7);
  world.input(world.a, { t: 'local-end', flow: 7, errno: 0 });
  world.input(world.a, { t: 'release', flow: 7 });
  const before = world.a.all('send').length;
  world.run(4);
  expect(world.a.all('send').length).toBe(before);
  expect(world.b.all('ended')).toEqual([{ t: 'ended', flow: 7, errno: 1_006 }]);
});

//= R-OUDP-36
test('an EID rests 146 s after its flow, and then nothing at all is left', () => {
  const world = new O7sWorld();
  world.allocate(7);
  for (const end of [world.a, world.b]) world.input(end, { t: 'release', flow: 7 });
  world.run(145);
  expect(world.a.allocator.inspect()).toEqual({ ...EMPTY_TABLES, resting: 1, timers: 1 });
  world.run(20);
  expect(world.a.allocator.inspect()).toEqual(EMPTY_TABLES);
  expect(world.b.allocator.inspect()).toEqual(EMPTY_TABLES);
});

test('any datagrams, losses and copies never throw, and nothing is left in the end', () => {
  const step = fc.tuple(fc.nat(9), fc.nat(255), fc.uint8Array({ maxLength: 120 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new O7sWorld();
      let flow = 0;
      for (const [op, n, bytes] of steps) {
        const end = n % 2 === 0 ? world.a : world.b;
        const sent = end.all('send');
        if (op === 0) world.request((flow += 1), { timeoutMs: n * 100 });
        else if (op === 1 && world.b.told('ipcp-incoming').length > 0) world.accept((flow += 1));
        else if (op === 2) world.input(world.b, { t: 'refuse', incoming: n % 4, code: 'FLOWRING_REFUSED' });
        else if (op === 3) world.input(end, { t: 'local-end', flow: n % 8, errno: 0 });
        else if (op === 4) world.input(end, { t: 'release', flow: n % 8 });
        else if (op === 5) end.passes = () => n < 128;
        else if (op === 6 && sent.length > 0) {
          const forged = sent[n % sent.length]!.pdu.slice();
          bytes.forEach((byte, at) => (forged[(at * 7) % forged.length]! ^= byte & 1));
          world.inject(end === world.a ? world.b : world.a, end.name, forged);
        } else if (op === 7) world.inject(end, 'x', bytes);
        else world.run(n / 8);
      }
      for (let id = 1; id <= flow; id += 1) {
        world.input(world.a, { t: 'release', flow: id });
        world.input(world.b, { t: 'release', flow: id });
      }
      world.run(400);
      expect(world.a.allocator.inspect()).toEqual(EMPTY_TABLES);
      expect(world.b.allocator.inspect()).toEqual(EMPTY_TABLES);
    }),
    { numRuns: 80 },
  );
});

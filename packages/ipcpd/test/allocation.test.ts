import { beforeEach, describe, expect, test } from '@jest/globals';
import { errnoOf, qosCubes } from '@flowring/common';
import { AllocatorPair } from './allocator-pair.ts';

const PEER_GONE = errnoOf('FLOWRING_PEER_GONE');
let pair: AllocatorPair;

beforeEach(() => {
  pair = new AllocatorPair();
});

describe('an allocation between two IPCPs', () => {
  test('takes one round trip when nothing is lost', () => {
    pair.request(1);
    pair.run(0.011);
    pair.accept(5);
    pair.run(0.011);
    expect(pair.a.told('ipcp-allocated')).toHaveLength(1);
    expect(pair.a.count('request')).toBe(1);
    expect(pair.b.count('answer')).toBe(1);
  });

  test('binds both ends to the same pair of EIDs', () => {
    pair.allocate(1);
    const [a, b] = [pair.a, pair.b].map((end) => end.outputs.find((one) => one.t === 'bind')!);
    expect([a!.sEid, a!.rEid]).toEqual([b!.rEid, b!.sEid]);
  });

  test('repeats its request until it is heard', () => {
    let lost = 4;
    pair.a.passes = () => lost-- <= 0;
    pair.request(1);
    pair.run(3);
    expect(pair.b.told('ipcp-incoming')).toHaveLength(1);
  });

  test('gets the same answer again when the answer was lost', () => {
    pair.request(1);
    pair.run(0.05);
    pair.b.passes = () => false;
    pair.accept(5);
    pair.run(1);
    pair.b.passes = () => true;
    pair.run(2);
    expect(pair.a.told('ipcp-allocated')).toHaveLength(1);
    expect(pair.b.told('ipcp-incoming')).toHaveLength(1);
    expect(pair.b.ends()).toEqual([]);
  });

  test('gets its refusal again when the refusal was lost', () => {
    pair.request(1);
    pair.run(0.05);
    let lost = 1;
    pair.b.passes = () => lost-- <= 0;
    pair.input(pair.b, { t: 'refuse', incoming: 1, code: 'FLOWRING_PERMISSION' });
    pair.run(2);
    expect(pair.a.told('ipcp-refused')).toMatchObject([{ flow: 1, code: 'FLOWRING_PERMISSION' }]);
    expect(pair.b.allocator.stats.requestsRepeated).toBeGreaterThan(0);
  });

  test('is refused with FLOWRING_TIMEOUT at the time of the caller', () => {
    pair.a.passes = () => false;
    pair.request(1, { timeoutMs: 2_000 });
    pair.run(1.9);
    expect(pair.a.told('ipcp-refused')).toEqual([]);
    pair.run(0.2);
    expect(pair.a.told('ipcp-refused')).toMatchObject([{ flow: 1, code: 'FLOWRING_TIMEOUT' }]);
  });

  test('ends the half that the server accepted when the client had given up, and every message of that was lost', () => {
    pair.request(1);
    pair.run(0.05);
    pair.a.passes = () => false;
    pair.input(pair.a, { t: 'release', flow: 1 });
    pair.accept(5);
    pair.run(20);
    expect(pair.b.ends()).toEqual([[5, PEER_GONE]]);
    pair.run(300);
    expect(Object.values(pair.a.allocator.inspect()).every((entries) => entries === 0)).toBe(true);
  });

  test('tells a server that answers a cancelled request, at once', () => {
    pair.request(1);
    pair.run(0.05);
    pair.a.passes = (pdu) => pdu.t !== 'cancel';
    pair.input(pair.a, { t: 'release', flow: 1 });
    pair.accept(5);
    pair.run(0.1);
    expect(pair.b.ends()).toEqual([[5, PEER_GONE]]);
  });

  test('hears why from the server when it confirms a flow that has ended meanwhile', () => {
    pair.request(1);
    pair.run(0.05);
    pair.b.passes = (pdu) => pdu.t === 'answer';
    pair.accept(5);
    pair.input(pair.b, { t: 'local-end', flow: 5, errno: 0 });
    pair.b.passes = () => true;
    pair.run(0.04);
    expect(pair.a.ends()).toEqual([[1, 0]]);
  });

  test('is not served by a copy of its request that comes after its cancel', () => {
    pair.a.passes = (pdu) => pdu.t === 'cancel';
    pair.request(1);
    pair.input(pair.a, { t: 'release', flow: 1 });
    pair.run(0.1);
    const request = pair.a.outputs.flatMap((one) => (one.t === 'send' ? [one.pdu] : []))[0]!;
    pair.input(pair.b, { t: 'pdu', peer: 'a', pdu: request });
    expect(pair.b.told('ipcp-incoming')).toEqual([]);
  });

  test('makes two flows when two requests cross', () => {
    pair.request(1);
    pair.input(pair.b, {
      t: 'request',
      flow: 1,
      peer: 'a',
      name: 'echo',
      qos: qosCubes.raw,
      timeoutMs: 5_000,
    });
    pair.run(0.05);
    pair.accept(2);
    pair.input(pair.a, { t: 'accept', incoming: 1, flow: 2 });
    pair.run(0.1);
    for (const end of [pair.a, pair.b]) {
      expect(end.told('ipcp-allocated')).toHaveLength(1);
      expect(end.allocator.inspect()).toMatchObject({ flows: 2, eids: 2 });
    }
  });

  test('ignores an answer from somebody else', () => {
    pair.request(1);
    pair.run(0.05);
    pair.b.passes = () => false;
    pair.accept(5);
    const answer = pair.b.outputs.flatMap((one) => (one.t === 'send' ? [one.pdu] : []))[0]!;
    pair.input(pair.a, { t: 'pdu', peer: 'mallory', pdu: answer });
    expect(pair.a.told('ipcp-allocated')).toEqual([]);
  });

  test('keeps an EID out of use for as long as a packet of its flow may live', () => {
    pair.allocate(1);
    pair.input(pair.a, { t: 'release', flow: 1 });
    expect(pair.a.allocator.inspect()).toMatchObject({ eids: 0, resting: 1 });
    pair.run(200);
    expect(pair.a.allocator.inspect()).toMatchObject({ resting: 0 });
  });
});

describe('requests that nobody accepts', () => {
  test('use up no EID, so a flood of them cannot keep EIDs out of use', () => {
    for (let flow = 1; flow <= 5; flow += 1) {
      pair.request(flow);
      pair.run(0.05);
      pair.input(pair.b, { t: 'refuse', incoming: flow, code: 'FLOWRING_REFUSED' });
    }
    expect(pair.b.allocator.inspect()).toMatchObject({ eids: 0, resting: 0 });
  });
});

import { beforeEach, describe, expect, test } from '@jest/globals';
import { errnoOf } from '@flowring/common';
import type { FaFlow } from '../src/core/fa-flow.ts';
import { encodeFaPdu } from '../src/core/fa-pdu.ts';
import { newPeer, stepLiveness, watch } from '../src/core/liveness.ts';
import { AllocatorPair, SECOND } from './allocator-pair.ts';

const PEER_GONE = errnoOf('FLOWRING_PEER_GONE');
let pair: AllocatorPair;

beforeEach(() => {
  pair = new AllocatorPair();
});

describe('liveness between two IPCPs', () => {
  test('keeps an idle flow alive for hours', () => {
    pair.allocate(1);
    pair.run(3 * 3_600);
    expect([...pair.a.ends(), ...pair.b.ends()]).toEqual([]);
  });

  test('calls the peer gone when it is silent for longer than the timeout, and not before', () => {
    pair.allocate(1);
    pair.b.passes = () => false;
    pair.run(2.2);
    expect(pair.a.ends()).toEqual([]);
    pair.run(2);
    expect(pair.a.ends()).toEqual([[1, PEER_GONE]]);
  });

  test('ends each flow at its own timeout', () => {
    pair.allocate(1, { timeout: 1_000 });
    pair.allocate(2, { timeout: 8_000 });
    pair.b.passes = () => false;
    pair.run(4);
    expect(pair.a.ends()).toEqual([[1, PEER_GONE]]);
    pair.run(6);
    expect(pair.a.ends().map(([flow]) => flow)).toEqual([1, 2]);
  });

  test('never ends a flow with timeout 0 for silence', () => {
    pair.allocate(1, { timeout: 0 });
    pair.b.passes = () => false;
    pair.run(3_600);
    expect(pair.a.ends()).toEqual([]);
  });

  test('holds a stall of 10 s of its own against nobody', () => {
    pair.allocate(1);
    pair.suspend(10);
    pair.run(60);
    expect([...pair.a.ends(), ...pair.b.ends()]).toEqual([]);
  });

  test('survives a suspended host: a night passes and the flows are still there', () => {
    pair.allocate(1);
    pair.suspend(8 * 3_600);
    pair.run(60);
    expect([...pair.a.ends(), ...pair.b.ends()]).toEqual([]);
  });

  test('gives the peer its full timeout again after a stall of its own', () => {
    pair.allocate(1);
    pair.suspend(10);
    pair.b.passes = () => false;
    pair.run(1.2);
    expect(pair.a.ends()).toEqual([]);
  });

  test('counts a stall once, however many packets waited meanwhile', () => {
    pair.allocate(1);
    pair.a.stalled = true;
    pair.run(10);
    pair.a.stalled = false;
    pair.run(0.001);
    expect(pair.a.allocator.stats.pdusReceived).toBeGreaterThan(5);
    expect(pair.a.allocator.stats.stalledUs).toBeLessThanOrEqual(10 * SECOND);
  });

  test('calls nobody gone who was not asked three times', () => {
    const peer = newPeer('b', 0);
    const flow = { timeoutUs: SECOND } as FaFlow;
    watch(peer, flow, 0);
    const gone = [1, 2, 3, 4].map((look) => stepLiveness(peer, 60 * SECOND + look).gone.length);
    expect(gone).toEqual([0, 0, 0, 1]);
  });

  test('takes the packets that waited during its stall before it looks at the clock', () => {
    pair.allocate(1);
    pair.a.stalled = true;
    pair.run(10);
    const ends = pair.a.ends();
    pair.a.stalled = false;
    pair.run(0.001);
    expect(ends).toEqual([]);
    // B heard nothing for 10 s: for B the peer was gone, and A learns that, as the reason.
    expect(pair.b.ends()).toEqual([[1, PEER_GONE]]);
  });

  test('ends the flow at both ends when packets arrive in one direction only', () => {
    pair.allocate(1);
    pair.a.passes = () => false;
    pair.run(6);
    expect(pair.b.ends()).toEqual([[1, PEER_GONE]]);
    expect(pair.a.ends()).toEqual([[1, PEER_GONE]]);
  });

  test('costs the same for 500 flows as for one', () => {
    pair.allocate(1);
    pair.run(60);
    const before = pair.a.sent.length;
    pair.run(60);
    const forOne = pair.a.sent.length - before;
    for (let flow = 2; flow <= 500; flow += 1) pair.allocate(flow);
    pair.run(60);
    const from = pair.a.sent.length;
    pair.run(60);
    expect(forOne).toBeGreaterThan(60);
    expect(pair.a.sent.length - from).toBe(forOne);
  });

  test('finds a flow that only one end knows, although the peer itself is alive', () => {
    pair.allocate(1);
    pair.allocate(2);
    pair.b.passes = (pdu) => pdu.t !== 'down';
    pair.input(pair.b, { t: 'local-end', flow: 1, errno: 0 });
    pair.run(0.2);
    expect(pair.a.ends()).toEqual([]);
    pair.run(4);
    expect(pair.a.ends()).toEqual([[1, 0]]);
    expect(pair.b.ends()).toEqual([]);
  });

  test('sees from the epoch that the peer restarted', () => {
    pair.allocate(1);
    pair.restart(pair.b);
    pair.run(2);
    expect(pair.a.ends()).toEqual([[1, PEER_GONE]]);
  });

  test('drops a late packet of a past incarnation', () => {
    pair.allocate(1);
    const old = pair.b.outputs.flatMap((one) => (one.t === 'send' ? [one.pdu] : [])).at(-1)!;
    pair.restart(pair.b);
    pair.run(1);
    pair.allocate(2);
    pair.input(pair.a, { t: 'pdu', peer: 'b', pdu: old });
    expect(pair.a.allocator.stats.pdusLate).toBe(1);
    pair.run(10);
    expect(pair.a.ends()).toEqual([[1, PEER_GONE]]);
  });

  test('hears a peer again, MPL after a forged packet said that it had restarted', () => {
    pair.allocate(1);
    const pdu = encodeFaPdu(4_711, { t: 'probe', flows: [] });
    pair.input(pair.b, { t: 'pdu', peer: 'a', pdu });
    pair.request(2);
    pair.run(4);
    pair.accept(2);
    pair.run(1);
    expect(pair.a.outputs.some((one) => one.t === 'bind' && one.flow === 2)).toBe(true);
  });
});

describe('the message of a dying flow', () => {
  test('is sent at once, and again after one and four round trips', () => {
    pair.allocate(1);
    pair.input(pair.b, { t: 'local-end', flow: 1, errno: PEER_GONE });
    expect(pair.b.count('down')).toBe(1);
    pair.run(5);
    expect(pair.b.count('down')).toBe(3);
    expect(pair.a.ends()).toEqual([[1, PEER_GONE]]);
  });

  test('tells a deallocation from a death', () => {
    pair.allocate(1);
    pair.input(pair.b, { t: 'local-end', flow: 1, errno: 0 });
    pair.run(1);
    expect(pair.a.ends()).toEqual([[1, 0]]);
  });

  test('needs no answer: both ends may leave at the same time', () => {
    pair.allocate(1);
    pair.input(pair.a, { t: 'local-end', flow: 1, errno: 0 });
    pair.input(pair.b, { t: 'local-end', flow: 1, errno: 0 });
    pair.input(pair.a, { t: 'release', flow: 1 });
    pair.input(pair.b, { t: 'release', flow: 1 });
    pair.run(300);
    for (const end of [pair.a, pair.b]) {
      expect(end.told('ipcp-released')).toEqual([{ t: 'ipcp-released', flow: 1 }]);
      expect(Object.values(end.allocator.inspect()).every((entries) => entries === 0)).toBe(true);
    }
  });
});

import { describe, expect, test } from '@jest/globals';
import { Bottleneck, jain, Simulation } from './bottleneck.ts';
import { FrcpBulkFlow } from './frcp-bulk-flow.ts';
import { goodputMbits, shares, type GoodputScenario } from './goodput.ts';
import { message, Pair } from './pair.ts';
import { capture, MS, SECOND, sendOf, write } from './scenario-steps.ts';
import { FrcpConnection, resolveParams } from '../src/index.ts';

const CUBIC = {
  congestion: 'cubic',
  windowBytes: 4 << 20,
  windowFirstBytes: 524_288,
  windowPdus: 8_192,
  mtuBytes: 1_400,
} as const;
const FULL = 1_376;

function put(pair: Pair, count: number, from = 0): void {
  for (let n = 0; n < count; n++) expect(pair.write(pair.a, message(from + n, FULL))).toBe('queued');
}

function pairOf(over: object = {}, delayUs = 20 * MS): Pair {
  const pair = new Pair({ params: { ...CUBIC, ...over }, link: { delayUs } });
  pair.run(MS);
  return pair;
}

/** Whether everything arrives and is acknowledged. */
function finishes(pair: Pair, count: number): boolean {
  return pair.run(60 * SECOND, () => pair.b.delivered.length === count && pair.a.conn.unackedSdus === 0);
}

//= R-FRCP-100
//= R-FRCP-101
describe('a flow under congestion control', () => {
  test('starts with ten PDUs, and doubles them in a round trip', () => {
    const pair = pairOf();
    const sent = capture(pair, pair.a);
    put(pair, 200);
    expect(sent.length).toBe(10);
    pair.run(60 * MS);
    expect(sent.length).toBe(30);
  });

  test('never has more under way than its window', () => {
    const link = new Bottleneck(new Simulation(), {
      ...{ bitsPerSecond: 10e6, rttUs: 40_000, queueBytes: 50_000, lossRate: 0.01, seed: 4 },
    });
    const flow = new FrcpBulkFlow(link, 4);
    flow.start();
    let past = 0;
    for (let at = MS; at < 5 * SECOND; at += MS) {
      link.sim.runUntil(at);
      const { flightBytes, cwndBytes } = flow.sender.inspect()['send'] as Record<string, number>;
      // A window that shrank is left by what arrives, not at once.
      if (flightBytes! > cwndBytes! + 1_472 && flightBytes! > past)
        throw new Error(`${flightBytes} > ${cwndBytes}`);
      past = flightBytes!;
    }
    expect(flow.deliveredBytes).toBeGreaterThan(100_000);
  });

  test('shows its state', () => {
    const pair = pairOf();
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    expect(sendOf(pair.a)).toMatchObject({
      congestion: 'cubic',
      cwndBytes: 14_000,
      ssthreshBytes: Infinity,
      pacingBytesPerSecond: 700_000,
      timestamps: true,
      reorderingWindowUs: 10 * MS,
      phase: 'slow-start',
    });
  });

  //= R-FRCP-103
  test('does not widen a window it does not fill', () => {
    const pair = pairOf();
    for (let n = 0; n < 100; n++) {
      write(pair, pair.a, n, 1);
      pair.run(50 * MS);
    }
    expect(sendOf(pair.a)['cwndBytes']).toBe(14_000);
  });

  //= R-FRCP-103
  test('does not double a window of which pacing keeps more than half out of the path', () => {
    const pair = pairOf({ windowBytes: 65_536, windowFirstBytes: 65_536 });
    for (let at = 0, n = 0; at < 3 * SECOND; at += MS) {
      while (pair.write(pair.a, message(n, FULL)) === 'queued') n++;
      pair.run(MS);
    }
    expect(sendOf(pair.a)['cwndBytes']).toBeLessThan(3 * 65_536);
  });

  //= R-FRCP-108
  test('has room for half a MiB of writes at first, and for what the path holds later', () => {
    const pair = pairOf();
    let n = 0;
    const fill = (): number => {
      const before = n;
      while (pair.write(pair.a, message(n, FULL)) === 'queued') n++;
      return (n - before) * FULL;
    };
    expect(fill()).toBeLessThanOrEqual(524_288);
    for (let at = 0; at < 2 * SECOND; at += MS) {
      fill();
      pair.run(MS);
    }
    expect(sendOf(pair.a)['queuedBytes']).toBeGreaterThan(2 * 524_288);
  });

  //= R-FRCP-108
  test('has no more room for writes when they would wait in queues of the path', () => {
    const link = new Bottleneck(new Simulation(), {
      ...{ bitsPerSecond: 10e6, rttUs: 40_000, queueBytes: 1e9, lossRate: 0, seed: 4 },
    });
    const flow = new FrcpBulkFlow(link, 4);
    flow.start();
    link.sim.runUntil(20 * SECOND);
    expect((flow.sender.inspect()['send'] as Record<string, number>)['queuedBytes']).toBeLessThanOrEqual(
      524_288,
    );
  });

  //= R-FRCP-108
  test('has no more room for writes while it knows of no round trip without waiting', () => {
    const pair = pairOf({ windowFirstBytes: 8_192 });
    // No round has three answers: the end that receives is busy.
    pair.b.out.filter = () => false;
    let n = 0;
    const fill = (): void => {
      while (pair.write(pair.a, message(n, FULL)) === 'queued') n++;
    };
    fill();
    expect(sendOf(pair.a)['flightBytes']).toBeGreaterThan(4_096);
    fill();
    expect(sendOf(pair.a)['queuedBytes']).toBeLessThanOrEqual(8_192);
  });

  //= R-FRCP-104
  test('shrinks once for all that a round trip lost', () => {
    const pair = pairOf();
    let n = 0;
    pair.a.out.filter = (pdu) => pdu.length < 1_000 || ![40, 45, 50].includes(n++);
    put(pair, 300);
    expect(finishes(pair, 300)).toBe(true);
    expect(pair.a.conn.stats).toMatchObject({
      lossEpisodes: 1,
      lossesDetected: 3,
      retransmits: 3,
      timeouts: 0,
    });
  });

  //= R-FRCP-104
  test('is down to two PDUs after a timeout, and grows again', () => {
    const pair = pairOf();
    put(pair, 100);
    pair.run(100 * MS);
    pair.a.out.down = true;
    pair.run(SECOND);
    expect(pair.a.conn.stats.timeouts).toBeGreaterThan(0);
    expect(sendOf(pair.a)['cwndBytes']).toBe(2_800);
    pair.a.out.down = false;
    expect(finishes(pair, 100)).toBe(true);
  });

  //= R-FRCP-105
  test('has its window back when what counted as lost only came late', () => {
    const pair = pairOf({ pacing: false });
    let n = 0;
    pair.a.out.filter = (pdu) => {
      if (pdu.length < 1_000 || n++ !== 60) return true;
      const copy = pdu.slice();
      pair.after(35 * MS, () => pair.inject(pair.b, copy));
      return false;
    };
    put(pair, 150);
    pair.run(90 * MS);
    const before = sendOf(pair.a)['cwndBytes']!;
    expect(finishes(pair, 150)).toBe(true);
    expect(pair.a.conn.stats).toMatchObject({ congestionUndone: 1, spuriousLosses: 1, lossEpisodes: 1 });
    expect(sendOf(pair.a)['ssthreshBytes']).toBe(Infinity);
    expect(sendOf(pair.a)['cwndBytes']).toBeGreaterThanOrEqual(before);
  });

  //= R-FRCP-105
  test('has its window back when a timeout was wrong', () => {
    const pair = pairOf();
    put(pair, 60);
    pair.run(200 * MS);
    pair.a.out.delayUs = 400 * MS;
    put(pair, 20, 60);
    const before = sendOf(pair.a)['cwndBytes'];
    expect(finishes(pair, 80)).toBe(true);
    expect(pair.a.conn.stats.timeouts).toBeGreaterThan(0);
    expect(pair.a.conn.stats.spuriousTimeouts).toBe(1);
    expect(sendOf(pair.a)['cwndBytes']).toBeGreaterThanOrEqual(before!);
  });

  //= R-FRCP-106
  test('spreads a window over the round trip', () => {
    const mostInOneMs = [true, false].map((pacing) => {
      const pair = pairOf({ pacing });
      const perMs = new Map<number, number>();
      pair.trace = (from) => {
        const ms = Math.floor(pair.nowUs / MS);
        if (from === 'a') perMs.set(ms, (perMs.get(ms) ?? 0) + 1);
      };
      put(pair, 370);
      pair.run(170 * MS);
      return Math.max(...perMs.values());
    });
    // 160 PDUs a round trip of 40 ms, while it doubles within half of that; and ten at once after a pause.
    expect(mostInOneMs[0]).toBeLessThanOrEqual(20);
    expect(mostInOneMs[1]).toBeGreaterThanOrEqual(40);
  });

  //= R-FRCP-106
  test('says when the next PDU may leave', () => {
    const conn = new FrcpConnection(resolveParams({ ...CUBIC, randomU32: () => 1 }), 0);
    const out = new Uint8Array(1_400);
    for (let n = 0; n < 100; n++) conn.write(1, new Uint8Array(FULL));
    while (conn.pollTransmit(1, out, 0) > 0);
    const times = [0, 0, 0, 1, 0, 0, 0, 1];
    const ack = new Uint8Array([0x12, 4, 255, 255, 0, 0, 0, 11, 0, 0, 16, 0, ...times]);
    conn.handlePdu(40_001, ack, 0, ack.length);
    let sent = 0;
    while (conn.pollTransmit(40_001, out, 0) > 0) sent++;
    expect(sent).toBeLessThan(20);
    expect(conn.nextTimeout()).toBeLessThan(45_000);
    conn.handleTimeout(conn.nextTimeout()!);
    expect(conn.pollTransmit(45_000, out, 0)).toBe(1_400);
  });

  //= R-FRCP-107
  test('asks for acknowledgements, which come at once', () => {
    const pair = pairOf();
    const sent = capture(pair, pair.a);
    put(pair, 10);
    expect(sent.map((pci) => pci.asks)).toEqual(new Array(10).fill(true));
    pair.run(45 * MS);
    expect(pair.b.conn.stats.acksSent).toBe(1);
    expect(pair.a.conn.unackedSdus).toBe(0);
  });

  test('is none where the lower flow loses nothing', () => {
    const pair = pairOf({ lowerReliable: true });
    write(pair, pair.a, 0, 1);
    expect(sendOf(pair.a)['congestion']).toBe('none');
  });
});

/** Small, so that it costs little: the whole is bench/goodput.mjs. */
const SMALL = { bitsPerSecond: 10e6, rttUs: 40_000, queue: 1, seconds: 12 };

describe('goodput beside TCP CUBIC', () => {
  for (const lossRate of [0, 0.001, 0.01, 0.02]) {
    const least = lossRate < 0.01 ? 1 : 1.5;
    //= R-FRCP-109
    test(`is ${least} times that at ${lossRate * 100} % loss, or more`, () => {
      let [ours, tcp] = [0, 0];
      for (const seed of lossRate === 0 ? [1] : [1, 2, 3]) {
        const scenario: GoodputScenario = { ...SMALL, lossRate, seed };
        ours += goodputMbits('frcp', scenario);
        tcp += goodputMbits('tcp', scenario);
      }
      expect(ours / tcp).toBeGreaterThanOrEqual(least);
    });
  }

  for (const [name, starts] of [
    ['that start at once', [0, 0]],
    ['that start five seconds apart', [0, 5]],
  ] as const) {
    test(`two flows ${name} share the path`, () => {
      const got = shares(['frcp', 'frcp'], starts, 20, { ...SMALL, seconds: 60, lossRate: 0, seed: 1 });
      expect(jain(got)).toBeGreaterThanOrEqual(0.95);
      expect(got[0]! + got[1]!).toBeGreaterThan(9);
    });
  }
});

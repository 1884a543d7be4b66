import { describe, expect, test } from '@jest/globals';
import { Backlog } from '../src/congestion/backlog.ts';
import { initialWindowBytes } from '../src/congestion/congestion-policy.ts';
import { Cubic } from '../src/congestion/cubic.ts';
import { HyStart } from '../src/congestion/hystart.ts';
import { Pacer } from '../src/congestion/pacer.ts';
import { RateReduction } from '../src/congestion/rate-reduction.ts';
import { MS, SECOND } from './scenario-steps.ts';

const PDU = 1_000;

/** A window of so many PDUs in congestion avoidance, just after a loss at `before` PDUs. */
function afterLoss(before: number, wMax = 0): Cubic {
  const cubic = new Cubic(PDU, true);
  if (wMax > 0) {
    cubic.cwndBytes = wMax * PDU;
    cubic.onCongestion(true);
  }
  cubic.cwndBytes = before * PDU;
  cubic.onCongestion(true);
  cubic.cwndBytes = cubic.ssthreshBytes;
  return cubic;
}

/** Acknowledges whole windows, one each round trip, from `fromUs` on; returns the window in PDUs at the end. */
function acknowledge(cubic: Cubic, rttUs: number, fromUs: number, untilUs: number): number {
  for (let now = fromUs; now <= untilUs; now += rttUs / 10) cubic.onAcked(now, cubic.cwndBytes / 10, rttUs);
  return cubic.cwndBytes / PDU;
}

//= R-FRCP-101
describe('the first window', () => {
  test('is ten PDUs, but not more than 14,720 bytes or two PDUs', () => {
    expect([500, 1_472, 9_000].map(initialWindowBytes)).toEqual([5_000, 14_720, 18_000]);
  });
});

//= R-FRCP-102
describe('CUBIC', () => {
  test('leaves 0.7 of the window after congestion', () => {
    expect(afterLoss(1_000).cwndBytes).toBe(700 * PDU);
  });

  //= R-FRCP-109
  test('leaves 0.9 of the window after a loss that no queue caused, and aims no lower for it', () => {
    const cubic = afterLoss(1_000);
    cubic.cwndBytes = 800 * PDU;
    cubic.onCongestion(false);
    expect([cubic.ssthreshBytes, cubic.inspect()['wMaxBytes']]).toEqual([720 * PDU, 800 * PDU]);
  });

  test('is back at the old window K seconds after congestion, K the cube root of 0.3 W / 0.4', () => {
    const k = Math.cbrt((1_000 * 0.3) / 0.4);
    const window = acknowledge(afterLoss(1_000), 100 * MS, SECOND, SECOND + k * SECOND);
    expect(window / 1_000).toBeCloseTo(1, 2);
  });

  test('follows W(t) = 0.4 (t - K)^3 + Wmax in between and beyond', () => {
    const k = Math.cbrt((1_000 * 0.3) / 0.4);
    for (const seconds of [2, 5, 12, 15]) {
      const window = acknowledge(afterLoss(1_000), 100 * MS, SECOND, SECOND + seconds * SECOND);
      expect(window / (0.4 * (seconds - k) ** 3 + 1_000)).toBeCloseTo(1, 1);
    }
  });

  test('gives way when it did not get back to the window before: fast convergence', () => {
    const cubic = afterLoss(800, 1_000);
    expect(cubic.inspect()['wMaxBytes']).toBe(800 * 0.85 * PDU);
  });

  test('grows like Reno where that is faster: 0.53 PDUs a round trip', () => {
    const rtts = 10;
    const window = acknowledge(afterLoss(20), 10 * MS, SECOND, SECOND + rtts * 10 * MS);
    expect(window).toBeGreaterThan(14 + 0.53 * rtts * 0.8);
    expect(window).toBeLessThan(14 + 0.53 * rtts * 1.2);
  });

  test('grows by no more than half a round trip however steep the curve', () => {
    const cubic = afterLoss(100);
    cubic.onAcked(SECOND, PDU, 10 * MS);
    const before = cubic.cwndBytes;
    for (let n = 0; n < 10; n++) cubic.onAcked(SECOND + 10 * MS, before / 10, 300 * SECOND);
    expect(cubic.cwndBytes).toBeLessThanOrEqual(before * 1.5);
  });

  test('starts flat after a timeout', () => {
    const cubic = new Cubic(PDU, true);
    cubic.cwndBytes = 100 * PDU;
    cubic.onTimeout(true);
    expect([cubic.cwndBytes, cubic.ssthreshBytes]).toEqual([2 * PDU, 70 * PDU]);
    cubic.cwndBytes = cubic.ssthreshBytes;
    cubic.onAcked(SECOND, PDU, 10 * MS);
    expect(cubic.inspect()).toMatchObject({ kSeconds: 0, wMaxBytes: 70 * PDU });
  });

  test('is what it was when a congestion was none', () => {
    const cubic = afterLoss(1_000);
    acknowledge(cubic, 100 * MS, SECOND, 5 * SECOND);
    const before = { ...cubic.inspect(), cwnd: cubic.cwndBytes, ssthresh: cubic.ssthreshBytes };
    cubic.save();
    cubic.onCongestion(true);
    cubic.cwndBytes = cubic.ssthreshBytes;
    cubic.restore(6 * SECOND);
    expect({ ...cubic.inspect(), cwnd: cubic.cwndBytes, ssthresh: cubic.ssthreshBytes }).toEqual(before);
  });

  //= R-FRCP-103
  test('halves for each timeout without sending, down to the first window', () => {
    const cubic = new Cubic(PDU, true);
    cubic.cwndBytes = 800 * PDU;
    cubic.onIdle(2.5 * SECOND, SECOND);
    expect(cubic.cwndBytes).toBe(200 * PDU);
    cubic.onIdle(60 * SECOND, SECOND);
    expect(cubic.cwndBytes).toBe(10 * PDU);
  });
});

/** Rounds of ten samples each. True when slow start is over; how many rounds that took in `rounds`. */
function roundsUntilEnd(hystart: HyStart, rttOf: (round: number) => number): number {
  for (let round = 0; round < 50; round++) {
    for (let n = 0; n < 10; n++) {
      if (hystart.onRtt(rttOf(round), round * 10 + n, round * 10 + 10)) return round;
    }
  }
  return Infinity;
}

//= R-FRCP-102
describe('HyStart++', () => {
  test('goes on while round trips stay', () => {
    expect(roundsUntilEnd(new HyStart(), () => 40 * MS)).toBe(Infinity);
  });

  test('ends slow start five rounds after round trips grew by an eighth', () => {
    expect(roundsUntilEnd(new HyStart(), (round) => (round < 4 ? 40 * MS : 46 * MS))).toBe(9);
  });

  test('takes no growth under 4 ms for one', () => {
    expect(roundsUntilEnd(new HyStart(), (round) => (round < 4 ? 10 * MS : 13.9 * MS))).toBe(Infinity);
  });

  test('resumes when the growth was passing', () => {
    expect(roundsUntilEnd(new HyStart(), (round) => (round === 4 ? 60 * MS : 40 * MS))).toBe(Infinity);
  });

  test('grows by a quarter meanwhile', () => {
    const hystart = new HyStart();
    expect(hystart.growth(8_000, Infinity)).toBe(8_000);
    for (let round = 0; round < 6; round++)
      for (let n = 0; n < 10; n++)
        hystart.onRtt(round < 4 ? 40 * MS : 60 * MS, round * 10 + n, round * 10 + 10);
    expect(hystart.growth(8_000, Infinity)).toBe(2_000);
  });
});

//= R-FRCP-104
describe('rate reduction', () => {
  test('sends seven for ten that arrive, all through the round trip', () => {
    const reduction = new RateReduction();
    reduction.start(100 * PDU);
    let flight = 99 * PDU;
    let sent = 0;
    for (let n = 0; n < 90; n++) {
      flight -= PDU;
      const window = reduction.window(PDU, flight, 70 * PDU, PDU, true);
      for (; flight + PDU <= window; flight += PDU, sent++) reduction.onSent(PDU);
    }
    expect([sent, flight]).toEqual([63, (99 - 90 + 63) * PDU]);
  });

  test('grows back to ssthresh like slow start when too much was lost', () => {
    const reduction = new RateReduction();
    reduction.start(100 * PDU);
    reduction.onSent(PDU);
    expect(reduction.window(PDU, 10 * PDU, 70 * PDU, PDU, true)).toBe(12 * PDU);
  });

  test('sends no more than arrives while more is found lost', () => {
    const reduction = new RateReduction();
    reduction.start(100 * PDU);
    reduction.onSent(PDU);
    expect(reduction.window(PDU, 10 * PDU, 70 * PDU, PDU, false)).toBe(10 * PDU);
  });

  test('lets the first copy leave', () => {
    const reduction = new RateReduction();
    reduction.start(100 * PDU);
    expect(reduction.window(0, 99 * PDU, 70 * PDU, PDU, false)).toBe(100 * PDU);
  });
});

/** Rounds of ten samples, and of the next one these. */
function sampled(rounds: readonly (readonly number[])[], next: readonly number[] = []): Backlog {
  const backlog = new Backlog();
  for (const [round, samples] of [...rounds, next].entries())
    for (const [n, rttUs] of samples.entries()) backlog.onRtt(rttUs, round * 10 + n, round * 10 + 10);
  return backlog;
}

const round = (rttUs: number): number[] => new Array<number>(10).fill(rttUs);

//= R-FRCP-109
describe('the backlog', () => {
  test('is what is under way beyond the round trip that does not wait', () => {
    const backlog = sampled([round(40 * MS), round(50 * MS), round(80 * MS)], round(80 * MS));
    expect(backlog.bytes(100 * PDU)).toBeCloseTo(50 * PDU);
  });

  test('is nothing while round trips stay', () => {
    expect(sampled([round(40 * MS), round(40 * MS)], round(40 * MS)).bytes(100 * PDU)).toBe(0);
  });

  test('may be anything before a round trip was measured', () => {
    expect(sampled([], round(40 * MS)).bytes(100 * PDU)).toBe(Infinity);
  });

  test('may be anything where round trips are shorter than a clock can tell', () => {
    expect(sampled([round(0), round(0)], round(0)).bytes(100 * PDU)).toBe(Infinity);
  });

  test('grows with the round that goes on', () => {
    const backlog = sampled([round(40 * MS), round(40 * MS)], [80 * MS, 80 * MS, 80 * MS]);
    expect(backlog.bytes(100 * PDU)).toBeCloseTo(50 * PDU);
  });

  test('does not grow with single late samples', () => {
    const jitter = [40 * MS, ...new Array<number>(9).fill(41 * MS)];
    expect(sampled([jitter, jitter], [60 * MS, 60 * MS]).bytes(100 * PDU)).toBe(0);
  });

  test('does not grow because a clock that was read late made one sample short', () => {
    const short = [8 * MS, ...round(40 * MS).slice(1)];
    expect(sampled([short, round(40 * MS)], round(40 * MS)).bytes(100 * PDU)).toBeLessThan(9 * PDU);
  });
});

/** How many PDUs that take `costUs` each may leave at once. */
function burst(pacer: Pacer, now: number, costUs: number): number {
  let n = 0;
  for (; n < 1_000 && pacer.allows(now); n++) pacer.onSent(now, costUs);
  return n;
}

//= R-FRCP-106
describe('the pacer', () => {
  test('lets ten and a millisecond leave after a pause', () => {
    expect(burst(new Pacer(), SECOND, 100)).toBe(10 + 10 + 1);
  });

  test('lets a millisecond leave a millisecond later', () => {
    const pacer = new Pacer();
    burst(pacer, SECOND, 100);
    expect(burst(pacer, SECOND + 1 * MS, 100)).toBe(10);
  });

  test('makes up for a late timer', () => {
    const pacer = new Pacer();
    burst(pacer, SECOND, 100);
    expect(burst(pacer, SECOND + 5 * MS, 100)).toBe(50);
  });

  test('does not add up what leaves out of turn', () => {
    const pacer = new Pacer();
    for (let n = 0; n < 100; n++) pacer.onSent(SECOND, SECOND);
    expect(pacer.nextAt).toBe(SECOND + 1 * MS + SECOND);
  });

  test('does not make up for a pause', () => {
    const pacer = new Pacer();
    burst(pacer, SECOND, 100);
    expect(burst(pacer, SECOND + 500 * MS, 100)).toBe(10 + 10 + 1);
  });
});

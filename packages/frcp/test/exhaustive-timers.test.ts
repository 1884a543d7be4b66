import { describe, expect, test } from '@jest/globals';
import { FrcpConnection, resolveParams, type FrcpParams } from '../src/index.ts';
import { deriveTimes, type FrcpTimes } from '../src/params.ts';
import { MS, SECOND } from './scenario-steps.ts';

const RATES = [0.98, 0.9995, 1, 1.0005, 1.02];
const SIDES_OF_A_BOUND = [-1, 0, 1];
const LAYERS: readonly Pick<FrcpParams, 'mplUs' | 'aUs' | 'rUs'>[] = [
  { mplUs: SECOND, aUs: 50 * MS, rUs: 30 * SECOND },
  { mplUs: 60 * SECOND, aUs: 10 * SECOND, rUs: 120 * SECOND },
  { mplUs: 100 * MS, aUs: 0, rUs: SECOND },
  { mplUs: 0, aUs: 1, rUs: 4 },
];
const START_US = 1_000;
const SDU = new Uint8Array([1]);

type Layer = (typeof LAYERS)[number];

function timesOf(layer: Layer): FrcpTimes {
  return deriveTimes(resolveParams({ ...layer, randomU32: () => 0 }), layer.mplUs, 1_400);
}

/** A machine with a clock of its own rate; `at` is true time, which the machine never sees. */
class Host {
  readonly conn: FrcpConnection;
  readonly rate: number;
  readonly got: Uint8Array[] = [];
  private readonly out = new Uint8Array(1_400);

  constructor(layer: Layer, rate: number) {
    const firsts = [1_000, 0x7000_0000];
    this.conn = new FrcpConnection(resolveParams({ ...layer, randomU32: () => firsts.shift()! }), START_US);
    this.rate = rate;
  }

  clock(at: number): number {
    return START_US + Math.floor(at * this.rate);
  }

  /** The true time at which the clock shows `us` after its start. */
  when(us: number): number {
    return Math.ceil(us / this.rate);
  }

  /** All that leaves at `at`. */
  sends(at: number): Uint8Array[] {
    const pdus: Uint8Array[] = [];
    for (let n = this.poll(at); n > 0; n = this.poll(at)) pdus.push(this.out.slice(0, n));
    return pdus;
  }

  private poll(at: number): number {
    return this.conn.pollTransmit(this.clock(at), this.out, 0);
  }

  write(at: number): Uint8Array[] {
    expect(this.conn.write(this.clock(at), SDU)).toBe('queued');
    return this.sends(at);
  }

  /** Hands PDUs in and returns the answers of that moment. */
  hear(at: number, pdus: readonly Uint8Array[]): Uint8Array[] {
    for (const pdu of pdus) this.conn.handlePdu(this.clock(at), pdu, 0, pdu.length);
    for (let sdu = this.conn.read(); sdu !== null; sdu = this.conn.read()) this.got.push(sdu);
    return this.sends(at);
  }

  timeout(at: number): Uint8Array[] {
    this.conn.handleTimeout(this.clock(at));
    return this.sends(at);
  }
}

/**
 * The worst case St is made for: the last copy of a run leaves at R, arrives MPL later, and the first number after St
 * comes at once. True if it is delivered when it comes.
 */
function talksAfterSt(
  layer: Layer,
  rates: readonly [number, number],
  past: number,
  delays: [number, number],
) {
  const times = timesOf(layer);
  const [a, b] = [new Host(layer, rates[0]), new Host(layer, rates[1])];
  const first = a.write(0);
  const lastCopyAt = delays[0] + layer.mplUs;
  const acks = b.hear(lastCopyAt, first);
  const ackAt = lastCopyAt + b.when(layer.aUs);
  a.hear(ackAt, [...acks, ...b.timeout(ackAt)]);
  const againAt = Math.max(ackAt, a.when(times.senderTimerUs + past));
  const second = a.write(againAt);
  b.hear(againAt + delays[1], second);
  return b.got.length === 2;
}

//= R-FRCP-20
//= R-FRCP-21
describe('St against Rt', () => {
  for (const layer of LAYERS) {
    test(`MPL ${layer.mplUs} us, R ${layer.rUs} us: a number around St is delivered at any two clock rates within 2 %`, () => {
      for (const rateA of RATES)
        for (const rateB of RATES)
          for (const past of SIDES_OF_A_BOUND)
            for (const copyAt of [0, Math.floor(layer.rUs / 2), Math.floor(layer.rUs / rateA)])
              for (const delay of [0, Math.max(0, layer.mplUs - 1), layer.mplUs])
                expect({
                  rateA,
                  rateB,
                  past,
                  copyAt,
                  delay,
                  delivered: talksAfterSt(layer, [rateA, rateB], past, [copyAt, delay]),
                }).toMatchObject({ delivered: true });
    });
  }

  test('beyond 2 % the margin ends: a number after St is dropped at first, and not delivered twice', () => {
    const [layer] = LAYERS as [Layer];
    expect(talksAfterSt(layer, [1, 0.9], 0, [layer.rUs, 0])).toBe(false);
    expect(talksAfterSt(layer, [1.02, 0.98], 0, [Math.floor(layer.rUs / 1.02), 0])).toBe(true);
  });
});

//= R-FRCP-31
describe('Rt', () => {
  for (const layer of LAYERS) {
    test(`MPL ${layer.mplUs} us, R ${layer.rUs} us: the last copy of a run finds it at any two clock rates within 2 %`, () => {
      for (const rateA of RATES)
        for (const rateB of RATES)
          for (const delay of [0, layer.mplUs])
            for (const past of SIDES_OF_A_BOUND) {
              const [a, b] = [new Host(layer, rateA), new Host(layer, rateB)];
              b.hear(0, a.write(0));
              const second = a.write(0);
              b.hear(Math.max(0, a.when(layer.rUs) + delay + Math.min(0, past)), second);
              expect({ rateA, rateB, delay, past, got: b.got.length }).toMatchObject({ got: 2 });
            }
    });

    test(`MPL ${layer.mplUs} us, R ${layer.rUs} us: forgets the run at Rt and not a microsecond before`, () => {
      for (const rate of RATES)
        for (const past of SIDES_OF_A_BOUND) {
          const [a, b] = [new Host(layer, 1), new Host(layer, rate)];
          b.hear(0, a.write(0));
          const second = a.write(0);
          b.conn.handlePdu(
            START_US + timesOf(layer).receiverTimerUs + past,
            second[0]!,
            0,
            second[0]!.length,
          );
          expect(b.conn.stats.noRun).toBe(past < 0 ? 0 : 1);
        }
    });
  }
});

//= R-FRCP-40
//= R-FRCP-44
//= R-FRCP-47
describe('A, R and G', () => {
  for (const layer of LAYERS) {
    const name = `MPL ${layer.mplUs} us, A ${layer.aUs} us, R ${layer.rUs} us`;
    test(`${name}: an acknowledgement leaves at A, not before`, () => {
      for (const past of SIDES_OF_A_BOUND) {
        const [a, b] = [new Host(layer, 1), new Host(layer, 1)];
        expect(b.hear(0, a.write(0))).toEqual([]);
        const at = Math.max(0, layer.aUs + past);
        expect(b.timeout(at).length).toBe(at >= layer.aUs ? 1 : 0);
      }
    });

    test(`${name}: a copy leaves at R, not after`, () => {
      for (const past of SIDES_OF_A_BOUND) {
        const a = new Host(layer, 1);
        const [pdu] = a.write(0);
        const copies = a.timeout(Math.max(layer.rUs + past, 1)).filter(({ length }) => length >= pdu!.length);
        expect({ past, copies: copies.length }).toEqual({ past, copies: past <= 0 ? 1 : 0 });
      }
    });

    test(`${name}: an acknowledgement that took all the time it may keeps the flow, at any two clock rates`, () => {
      for (const rateA of RATES)
        for (const rateB of RATES)
          for (const past of SIDES_OF_A_BOUND) {
            const [a, b] = [new Host(layer, rateA), new Host(layer, rateB)];
            const first = a.write(0);
            const copyAt = Math.floor(layer.rUs / rateA);
            expect(b.hear(copyAt + layer.mplUs, first)).toEqual([]);
            const ackAt = copyAt + layer.mplUs + b.when(layer.aUs);
            const acks = b.timeout(ackAt);
            expect(acks.length).toBe(1);
            a.timeout(Math.max(1, ackAt + layer.mplUs + past));
            a.hear(Math.max(1, ackAt + layer.mplUs + past), acks);
            expect(a.conn.unackedSdus).toBe(0);
            expect(a.conn.pollEvent()).toBeNull();
          }
    });

    test(`${name}: no failure is told before G`, () => {
      const a = new Host(layer, 1);
      a.write(0);
      const { giveUpUs } = timesOf(layer);
      for (let n = 0; n < 1_000; n++) {
        const at = (a.conn.nextTimeout() ?? Infinity) - START_US;
        if (at >= giveUpUs) return;
        a.timeout(at);
        expect(a.conn.pollEvent()).toBeNull();
      }
      throw new Error('no timer comes to G');
    });
  }
});

import { describe, expect } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { encodePci, FLAG, newPci, PCI_BYTES } from '../src/pci.ts';
import { message, Pair, type End } from './pair.ts';
import { capture, MINUTE, MS, SECOND } from './scenario-steps.ts';

const FIRST = 8_192;
const ALL = 32_768;
const SDU = 1_000;
const PARAMS = { windowBytes: ALL, windowFirstBytes: FIRST };

interface Held {
  readonly heldBytes: number;
  readonly partialSduBytes: number | null;
  /** Granted and not accepted. */
  readonly windowBytes: number;
}

function heldBy(end: End): Held {
  const { receive, dormant } = end.conn.inspect() as { receive: Held | null; dormant?: { receive: Held } };
  return receive ?? dormant?.receive ?? { heldBytes: 0, partialSduBytes: null, windowBytes: FIRST };
}

function bytesOf(sdus: readonly Uint8Array[]): number {
  return sdus.reduce((sum, { length }) => sum + length, 0);
}

/** Up to so many bytes the peer may send. */
function edgeOf(end: End): number {
  const { heldBytes, partialSduBytes, windowBytes } = heldBy(end);
  return bytesOf(end.delivered) + heldBytes + (partialSduBytes ?? 0) + windowBytes;
}

/** Writes for so long whatever there is room for, and lets it come. */
function fill(pair: Pair, forUs: number): void {
  for (let at = 0; at < forUs; at += MS) {
    while (pair.write(pair.a, message(pair.a.written.length, SDU)) === 'queued');
    pair.run(MS);
  }
}

function read(pair: Pair, count: number): void {
  for (let n = 0; n < count; n++) pair.read(pair.b);
}

function notReading(): Pair {
  const pair = new Pair({ params: PARAMS });
  pair.b.reading = false;
  return pair;
}

//= R-FRCP-110
describe('the window of a receiver', () => {
  test('is the first one while the program does not read', () => {
    const pair = notReading();
    fill(pair, SECOND);
    expect(heldBy(pair.b).heldBytes).toBe(FIRST - (FIRST % SDU));
    expect(pair.b.conn.stats.outOfWindow).toBe(0);
  });

  test('is as much more as the program has read', () => {
    const pair = notReading();
    fill(pair, SECOND);
    read(pair, 5);
    fill(pair, SECOND);
    expect(heldBy(pair.b).heldBytes).toBe(13_000);
  });

  test('is all of it at most', () => {
    const pair = notReading();
    pair.b.reading = true;
    fill(pair, 100 * MS);
    pair.b.reading = false;
    fill(pair, SECOND);
    expect(heldBy(pair.b).heldBytes).toBe(ALL - (ALL % SDU));
  });

  test('grows with what is read in parts or into a buffer', () => {
    const pair = notReading();
    fill(pair, SECOND);
    for (let n = 0; n < 5; n++) {
      const sdu = new Uint8Array(SDU);
      sdu.set(pair.b.conn.read(SDU / 2)!);
      pair.b.conn.readInto(sdu, SDU / 2);
      pair.b.delivered.push(sdu);
    }
    pair.flush(pair.b);
    fill(pair, SECOND);
    expect(heldBy(pair.b).heldBytes).toBe(13_000);
  });

  test('is what it was after the connection was folded', () => {
    const pair = new Pair({ params: PARAMS });
    fill(pair, 100 * MS);
    pair.run(MINUTE);
    expect(pair.b.conn.inspect()['dormant']).toBeDefined();
    pair.b.reading = false;
    fill(pair, SECOND);
    read(pair, 5);
    fill(pair, SECOND);
    expect(heldBy(pair.b).heldBytes).toBe(ALL - (ALL % SDU));
  });

  //= R-FRCP-39
  test('is the first one to a peer that asks before anything came', () => {
    const pair = notReading();
    const answers = capture(pair, pair.b);
    const probe = new Uint8Array(PCI_BYTES);
    encodePci(probe, 0, { ...newPci(), flags: FLAG.RDVS | FLAG.DRF, seq: 7 });
    pair.inject(pair.b, probe);
    expect(answers.map(({ ack, creditBytes }) => [ack, creditBytes])).toEqual([[7, FIRST]]);
  });

  test('keeps no sender back that doubles its own', () => {
    const [all, some] = [1 << 20, 65_536].map((windowFirstBytes) => {
      const params = { windowBytes: 1 << 20, windowFirstBytes, windowPdus: 8_192 };
      const pair = new Pair({ params: { ...params, congestion: 'cubic' }, link: { delayUs: 20 * MS } });
      fill(pair, 250 * MS);
      return bytesOf(pair.b.delivered);
    });
    expect(all).toBeGreaterThan(3 * 65_536);
    expect(some).toBe(all);
  });

  const operation = fc.oneof(
    fc.record({ write: fc.integer({ min: 1, max: 30 }), bytes: fc.integer({ min: 0, max: 5_000 }) }),
    fc.record({ read: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ runUs: fc.constantFrom(MS, 100 * MS, MINUTE) }),
  );

  test.prop([fc.array(operation, { maxLength: 40 }), fc.constantFrom(0, 0.2), fc.nat()])(
    'never shrinks, and holds no more than was granted',
    (operations, lossRate, seed) => {
      const pair = new Pair({ seed, params: { ...PARAMS, mtuBytes: 1_400 }, link: { lossRate } });
      pair.b.reading = false;
      let edge = FIRST;
      for (const one of operations) {
        if ('write' in one) for (let n = 0; n < one.write; n++) pair.write(pair.a, message(n, one.bytes));
        else if ('read' in one) read(pair, one.read);
        else pair.run(one.runUs);
        const next = edgeOf(pair.b);
        expect(next).toBeGreaterThanOrEqual(edge);
        edge = next;
        const most = Math.min(ALL, FIRST + bytesOf(pair.b.delivered));
        expect(heldBy(pair.b).heldBytes).toBeLessThanOrEqual(most + 5_000);
        expect(next - bytesOf(pair.b.delivered)).toBeLessThanOrEqual(most + 5_000);
      }
    },
  );
});

import { describe, expect, test } from '@jest/globals';
import type { FrcpTimes } from '../src/params.ts';
import { ReadQueue } from '../src/read-queue.ts';
import { ReorderQueue } from '../src/reorder-queue.ts';
import { encodePci, FLAG, newPci, type Pci } from '../src/pci.ts';
import { message, Pair, type End } from './pair.ts';
import { MS, SECOND, write } from './scenario-steps.ts';

const WHOLE = FLAG.DATA | FLAG.FIRST | FLAG.LAST;

/** A data PDU of a peer's making. */
function pdu(seq: number, data: Uint8Array, over: Partial<Pci> = {}): Uint8Array {
  const out = new Uint8Array(16 + data.length);
  encodePci(out, 0, { ...newPci(), flags: WHOLE, seq, ...over });
  out.set(data, 16);
  return out;
}

function received(end: End, nowUs?: number): Record<string, unknown> {
  return end.conn.inspect(nowUs)['receive'] as Record<string, unknown>;
}

function silent(): Pair {
  const pair = new Pair();
  pair.b.reading = false;
  return pair;
}

describe('what a peer must not do', () => {
  test('data behind an end that came early is never delivered, nor kept', () => {
    const pair = silent();
    pair.inject(pair.b, pdu(10, message(0), { flags: WHOLE | FLAG.DRF }));
    pair.inject(pair.b, pdu(13, message(3)));
    pair.inject(pair.b, pdu(12, new Uint8Array(0), { flags: FLAG.DATA | FLAG.END }));
    pair.inject(pair.b, pdu(11, message(1)));
    expect(pair.b.conn.readableSdus).toBe(2);
    expect(pair.b.has('end')).toBe(true);
    expect(received(pair.b)).toMatchObject({ hasGaps: false, earlyBytes: 0 });
  });

  test('a run whose first PDU is refused is over after Rt', () => {
    const pair = new Pair({ params: { windowBytes: 4_096 } });
    pair.inject(pair.b, pdu(10, new Uint8Array(5_000), { flags: WHOLE | FLAG.DRF }));
    expect(pair.b.conn.stats.outOfWindow).toBe(1);
    pair.run(300 * SECOND);
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    expect(pair.b.delivered.length).toBe(1);
  });

  test('a number far ahead on a flow without retransmission is counted', () => {
    const pair = new Pair({ params: { reliable: false } });
    pair.b.reading = false;
    pair.inject(pair.b, pdu(10, message(0), { flags: WHOLE | FLAG.DRF }));
    pair.inject(pair.b, pdu(10 + 0x7000_0000, message(0), { flags: WHOLE | FLAG.DRF }));
    expect(pair.b.conn.stats.outOfWindow).toBe(1);
  });
});

describe('what a caller must not do', () => {
  test('a read of a size that is none throws and takes nothing', () => {
    const pair = silent();
    write(pair, pair.a, 0, 1, 10);
    pair.run(100 * MS);
    const { conn } = pair.b;
    for (const size of [-1, NaN, 1.5, Infinity]) expect(() => conn.read(size)).toThrow(RangeError);
    for (const range of [
      [-1, 2],
      [0, 9],
      [3, 2],
      [0.5, 2],
    ] as const)
      expect(() => conn.readInto(new Uint8Array(8), ...range)).toThrow(RangeError);
    expect([...conn.read()!]).toEqual([...message(0, 10)]);
  });
});

//= R-FRCP-75
describe('a move to a path where PDUs live longer', () => {
  function moveTo(end: End, pair: Pair, mplUs: number): void {
    end.conn.moveLower(pair.clockOf(end), { mtuBytes: 1_400, mplUs });
  }

  test('keeps the sender in its run for as long as the peer may know it', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    const newRunAt = (): number => (pair.a.conn.inspect()['send'] as { newRunAt: number }).newRunAt;
    const senderTimerUs = (): number => (pair.a.conn.inspect()['times'] as FrcpTimes).senderTimerUs;
    const [before, timerBefore] = [newRunAt(), senderTimerUs()];
    moveTo(pair.a, pair, 10 * SECOND);
    expect(newRunAt() - before).toBe(senderTimerUs() - timerBefore);
    expect(newRunAt() - before).toBeGreaterThan(20 * SECOND);
  });

  test('keeps the run that knows copies of before', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    const before = received(pair.b)['runExpiresAt'] as number;
    moveTo(pair.b, pair, 10 * SECOND);
    expect(received(pair.b)['runExpiresAt']).toBe(before + 18 * SECOND);
  });

  test('starts no number that the peer would take for one of its run', () => {
    const pair = new Pair();
    write(pair, pair.a, 0, 1);
    pair.run(SECOND);
    for (const end of [pair.a, pair.b]) moveTo(end, pair, 20 * SECOND);
    // Later than St of before, sooner than Rt of now.
    pair.run(96 * SECOND);
    write(pair, pair.a, 1, 1);
    pair.run(100 * MS);
    expect(pair.b.delivered.length).toBe(2);
    expect(pair.a.conn.stats.runsStarted).toBe(1);
  });
});

describe('memory handed in', () => {
  test('is given back once, however often it is asked for', () => {
    const slab = new Uint8Array(65_536);
    const viewOf = (buf: Uint8Array, start: number, end: number): Uint8Array => buf.subarray(start, end);
    const queue = new ReadQueue();
    queue.push(slab, 10, 1_010);
    queue.compact();
    const own = queue.shiftPart(1, viewOf).buffer;
    expect(own.byteLength).toBe(1_000);
    queue.compact();
    expect(queue.shift(viewOf)!.buffer).toBe(own);

    const early = new ReorderQueue();
    const held = { buf: slab, start: 0, end: 0, flags: 0 };
    early.put(5, 0, slab, 10, 1_010, 0);
    early.compact();
    early.put(6, 0, slab, 0, 10, 0);
    early.compact();
    early.take(5, held);
    expect(held.buf.byteLength).toBe(1_000);
    expect(held.buf).not.toBe(slab);
  });

  test('is held by what came early, too', () => {
    const pair = silent();
    pair.inject(pair.b, pdu(10, message(0), { flags: WHOLE | FLAG.DRF }));
    pair.b.conn.read();
    expect(pair.b.conn.holdsBuffers).toBe(false);
    pair.inject(pair.b, pdu(12, message(2)));
    expect([pair.b.conn.readableSdus, pair.b.conn.holdsBuffers]).toEqual([0, true]);
  });
});

describe('inspect tells of the receiving side', () => {
  test('what is held, the holes, the window and the time the run has left', () => {
    const pair = silent();
    pair.inject(pair.b, pdu(0xffff_fffe, message(0, 20), { flags: WHOLE | FLAG.DRF }));
    for (const seq of [1, 2, 5]) pair.inject(pair.b, pdu(seq, message(seq, 30)));
    pair.inject(pair.b, pdu(0xffff_ffff, message(9, 100), { flags: FLAG.DATA | FLAG.FIRST }));
    pair.b.conn.read(5);
    const { windowPdus, windowBytes } = pair.b.params;
    expect(received(pair.b, pair.nowUs)).toMatchObject({
      run: 'open',
      runLeftUs: 62_100_000,
      nextSeq: 0,
      held: [
        [1, 3],
        [5, 6],
      ],
      heldPdus: 3,
      holePdus: 3,
      earlyBytes: 90,
      readableSdus: 1,
      heldBytes: 15,
      isHeadCut: true,
      partialSduBytes: 100,
      segmented: null,
      windowPdus: windowPdus - 1,
      windowBytes: windowBytes - 120,
    });
    pair.run(63 * SECOND);
    expect(received(pair.b, pair.nowUs)).toMatchObject({ run: 'over' });
  });
});

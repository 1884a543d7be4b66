import { describe, expect, test } from '@jest/globals';
import { FLAG } from '../src/pci.ts';
import { resolveParams } from '../src/index.ts';
import { message, Pair, type End } from './pair.ts';
import { Prng } from './prng.ts';
import { capture, MS, SECOND } from './scenario-steps.ts';

const STREAM = { stream: true, mtuBytes: 224 } as const;

function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function put(pair: Pair, end: End, from: number, count: number, bytes: number): void {
  for (let n = 0; n < count; n++) expect(pair.write(end, message(from + n, bytes))).toBe('queued');
}

/** Writes at `a` without sending in between. */
function putQuietly(pair: Pair, count: number, bytes: number): void {
  for (let n = 0; n < count; n++) {
    const chunk = message(n, bytes);
    expect(pair.a.conn.write(pair.clockOf(pair.a), chunk)).toBe('queued');
    pair.a.written.push(chunk);
  }
}

//= R-FRCP-82
describe('a stream', () => {
  test('is a choice of reliable flows', () => {
    expect(() => resolveParams({ randomU32: () => 1, stream: true, reliable: false })).toThrow(RangeError);
  });

  test('small writes that wait fill PDUs', () => {
    const pair = new Pair({ params: STREAM });
    const sent = capture(pair, pair.a);
    putQuietly(pair, 100, 10);
    pair.run(SECOND);
    expect(sent.filter((pci) => (pci.flags & FLAG.DATA) !== 0).length).toBe(5);
    expect(bytesOf(pair.b.delivered)).toBe(1_000);
  });

  test('a small write with nothing before it leaves at once', () => {
    const pair = new Pair({ params: STREAM });
    put(pair, pair.a, 0, 1, 1);
    expect(pair.a.sent).toBe(1);
    put(pair, pair.a, 1, 1, 1);
    expect(pair.a.sent).toBe(2);
  });

  test('what is sent once is never lengthened', () => {
    const pair = new Pair({ params: STREAM });
    const sent = capture(pair, pair.a);
    pair.a.out.down = true;
    put(pair, pair.a, 0, 1, 10);
    pair.a.out.down = false;
    put(pair, pair.a, 1, 1, 10);
    pair.run(SECOND);
    const first = sent.filter((pci) => pci.seq === sent[0]!.seq);
    expect(first.length).toBeGreaterThan(1);
    for (const copy of first) expect(copy.dataEnd - copy.dataStart).toBe(10);
    expect(bytesOf(pair.b.delivered)).toBe(20);
  });

  test('a write of nothing sends nothing', () => {
    const pair = new Pair({ params: STREAM });
    expect(pair.write(pair.a, new Uint8Array(0))).toBe('queued');
    pair.run(SECOND);
    expect(pair.a.sent).toBe(0);
  });

  test('a read into memory takes as much as there is, across PDUs', () => {
    const pair = new Pair({ params: STREAM });
    pair.b.reading = false;
    put(pair, pair.a, 0, 3, 500);
    pair.run(SECOND);
    const out = new Uint8Array(4_000);
    expect(pair.b.conn.readInto(out, 0, 1_100)).toBe(1_100);
    expect(pair.b.conn.readInto(out, 1_100)).toBe(400);
    expect(pair.b.conn.readInto(out)).toBe(-1);
    const wanted = [0, 1, 2].flatMap((n) => [...message(n, 500)]);
    expect([...out.subarray(0, 1_500)]).toEqual(wanted);
  });

  test('a write larger than all windows arrives', () => {
    const pair = new Pair({ params: { ...STREAM, windowBytes: 4_096, windowPdus: 16 } });
    put(pair, pair.a, 0, 1, 100_000);
    pair.run(20 * SECOND, () => bytesOf(pair.b.delivered) === 100_000);
    expect(bytesOf(pair.b.delivered)).toBe(100_000);
  });

  test('the end comes after the last byte, clean', () => {
    const pair = new Pair({ params: STREAM, link: { lossRate: 0.3 } });
    put(pair, pair.a, 0, 20, 50);
    pair.close(pair.a);
    pair.run(20 * SECOND, () => pair.a.has('closed'));
    expect(bytesOf(pair.b.delivered)).toBe(1_000);
    expect(pair.b.event('end')).toEqual({ type: 'end', clean: true });
  });

  test('bytes written while the window is closed come in whole PDUs when it opens', () => {
    const pair = new Pair({ params: { ...STREAM, windowBytes: 4_096 } });
    pair.b.reading = false;
    const sent = capture(pair, pair.a);
    for (let n = 0; n < 1_000 && pair.write(pair.a, message(n, 10)) === 'queued'; n++);
    pair.run(SECOND);
    const written = bytesOf(pair.a.written);
    expect(pair.write(pair.a, message(0, 10))).toBe('queued');
    sent.length = 0;
    while (pair.a.conn.write(pair.clockOf(pair.a), message(7, 10)) === 'queued')
      pair.a.written.push(message(7, 10));
    pair.b.reading = true;
    while (pair.read(pair.b) !== null);
    pair.run(5 * SECOND, () => bytesOf(pair.b.delivered) === bytesOf(pair.a.written));
    const later = bytesOf(pair.a.written) - written;
    const data = sent.filter((pci) => (pci.flags & FLAG.DATA) !== 0);
    expect(data.length).toBeLessThanOrEqual(Math.ceil(later / 200) + 1);
  });

  test('bytes keep their order through a move to smaller and larger PDUs', () => {
    const pair = new Pair({ params: { ...STREAM, mtuBytes: 600 } });
    pair.a.out.down = true;
    putQuietly(pair, 50, 30);
    pair.a.out.down = false;
    for (const mtuBytes of [100, 300]) {
      for (const end of [pair.a, pair.b]) end.conn.moveLower(pair.clockOf(end), { mtuBytes, mplUs: SECOND });
    }
    pair.close(pair.a);
    pair.run(5 * SECOND, () => pair.a.has('closed'));
    expect(bytesOf(pair.b.delivered)).toBe(1_500);
    expect(pair.a.conn.unackedSdus).toBe(0);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('any pieces under loss and reordering, seed %d', (seed) => {
    const random = new Prng(seed);
    const lowerReliable = seed === 8;
    const pair = new Pair({
      seed,
      params: { ...STREAM, windowBytes: 8_192, lowerReliable },
      link: lowerReliable
        ? { inOrder: true }
        : { lossRate: random.below(40) / 100, jitterUs: random.below(20_000), duplicateRate: 0.1 },
    });
    pair.b.reading = false;
    let left = 30_000;
    for (let n = 0; n < 5_000 && bytesOf(pair.b.delivered) < 30_000; n++) {
      const chunk = message(n, Math.min(left, 1 + random.below(random.pick([5, 100, 2_000]))));
      if (left > 0 && pair.write(pair.a, chunk) === 'queued') left -= chunk.length;
      pair.run(random.below(30 * MS));
      const out = new Uint8Array(random.below(3_000));
      const bytes = pair.b.conn.readInto(out);
      if (bytes > 0) pair.b.delivered.push(out.subarray(0, bytes));
      pair.flush(pair.b);
    }
    expect(bytesOf(pair.b.delivered)).toBe(30_000);
  });
});

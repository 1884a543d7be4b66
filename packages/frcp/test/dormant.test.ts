import { describe, expect, test } from '@jest/globals';
import { message, Pair, type End } from './pair.ts';

const SECOND = 1_000_000;

function write(pair: Pair, from: number, count: number): void {
  for (let n = 0; n < count; n++) expect(pair.write(pair.a, message(from + n, 16))).toBe('queued');
}

function dormantOf(end: End): unknown {
  return end.conn.inspect()['dormant'];
}

describe('a connection with nothing to do', () => {
  for (const lowerReliable of [false, true]) {
    test(`is folded and goes on in the same run (lower flow reliable: ${lowerReliable})`, () => {
      const pair = new Pair({ params: { lowerReliable } });
      write(pair, 0, 3);
      pair.run(45 * SECOND);
      expect(dormantOf(pair.a)).toBeDefined();
      expect(dormantOf(pair.b)).toBeDefined();
      expect(pair.a.conn.nextTimeout()).toBeNull();
      write(pair, 3, 1);
      expect(pair.run(SECOND, () => pair.b.delivered.length === 4)).toBe(true);
      expect(pair.a.conn.stats.runsStarted).toBe(1);
      expect(pair.b.conn.stats.runsOpened).toBe(1);
    });
  }

  //= R-FRCP-20
  test('is folded within half a second where nothing is lost', () => {
    const pair = new Pair({ params: { lowerReliable: true, aUs: 100_000 } });
    write(pair, 0, 1);
    pair.run(SECOND / 2);
    expect(dormantOf(pair.a)).toBeDefined();
    expect(dormantOf(pair.b)).toBeDefined();
  });

  //= R-FRCP-20
  test('is not folded for ten seconds where it learns its path', () => {
    const pair = new Pair();
    write(pair, 0, 1);
    pair.run(9 * SECOND);
    expect(dormantOf(pair.a)).toBeUndefined();
    expect(dormantOf(pair.b)).toBeUndefined();
  });

  test('knows a copy from before it was folded', () => {
    const pair = new Pair();
    const data: Uint8Array[] = [];
    pair.a.out.filter = (pdu) => data.push(pdu.slice()) > 0;
    write(pair, 0, 1);
    pair.run(45 * SECOND);
    expect(dormantOf(pair.b)).toBeDefined();
    pair.inject(pair.b, data[0]!);
    expect(pair.b.delivered.length).toBe(1);
    expect(pair.b.conn.stats.duplicates).toBe(1);
  });

  test('is not folded while something is unread', () => {
    const pair = new Pair();
    pair.b.reading = false;
    write(pair, 0, 1);
    pair.run(45 * SECOND);
    expect(dormantOf(pair.b)).toBeUndefined();
    expect(pair.b.conn.readableSdus).toBe(1);
  });

  test('closes after it was folded', () => {
    const pair = new Pair();
    write(pair, 0, 1);
    pair.run(45 * SECOND);
    pair.close(pair.a);
    expect(pair.run(SECOND, () => pair.a.has('closed') && pair.b.has('end'))).toBe(true);
  });
});

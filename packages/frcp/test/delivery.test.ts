import { describe, expect, test } from '@jest/globals';
import { message, Pair } from './pair.ts';

const SECOND = 1_000_000;

function transfer(pair: Pair, count: number, bytes = 16): void {
  let n = 0;
  const feed = (): void => {
    while (n < count && pair.write(pair.a, message(n, bytes)) === 'queued') n++;
    if (n < count) pair.after(1_000, feed);
  };
  feed();
}

describe('a reliable flow', () => {
  test('delivers messages in order', () => {
    const pair = new Pair();
    transfer(pair, 100);
    expect(pair.run(SECOND, () => pair.b.delivered.length === 100)).toBe(true);
    expect(pair.run(SECOND, () => pair.a.conn.unackedSdus === 0)).toBe(true);
  });

  test('delivers an SDU larger than the MTU in one piece', () => {
    const pair = new Pair();
    transfer(pair, 3, 400_000);
    expect(pair.run(10 * SECOND, () => pair.b.delivered.length === 3)).toBe(true);
  });

  for (const lossRate of [0.1, 0.2, 0.3, 0.5]) {
    test(`delivers 1001 messages at ${lossRate} loss in both directions`, () => {
      const pair = new Pair({ link: { lossRate } });
      transfer(pair, 1001);
      expect(pair.run(300 * SECOND, () => pair.b.delivered.length === 1001)).toBe(true);
      expect(pair.run(60 * SECOND, () => pair.a.conn.unackedSdus === 0)).toBe(true);
    });
  }

  test('closes cleanly at both ends', () => {
    const pair = new Pair();
    transfer(pair, 10);
    pair.close(pair.a);
    expect(pair.run(SECOND, () => pair.a.has('closed') && pair.b.has('end'))).toBe(true);
    expect(pair.b.event('end')).toEqual({ type: 'end', clean: true });
    pair.close(pair.b);
    expect(pair.run(SECOND, () => pair.b.has('closed'))).toBe(true);
    expect(pair.run(300 * SECOND, () => pair.a.has('drained') && pair.b.has('drained'))).toBe(true);
    expect(pair.a.conn.nextTimeout()).toBeNull();
  });
});

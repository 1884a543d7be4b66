import { describe, expect, test } from '@jest/globals';
import { message, Pair } from './pair.ts';
import { MS, SECOND, write } from './scenario-steps.ts';
import { Prng } from './prng.ts';

/** Everything readable at `b`, read in pieces of at most `maxBytes`; a new array starts after each SDU's end. */
function readInPieces(pair: Pair, maxBytes: () => number): number[][] {
  const sdus: number[][] = [[]];
  const { conn } = pair.b;
  for (let part = conn.read(maxBytes()); part !== null; part = conn.read(maxBytes())) {
    sdus.at(-1)!.push(...part);
    if (conn.sduEnded) sdus.push([]);
  }
  sdus.pop();
  return sdus;
}

function paused(options: ConstructorParameters<typeof Pair>[0] = {}): Pair {
  const pair = new Pair(options);
  pair.b.reading = false;
  return pair;
}

//= R-FRCP-80
describe('partial reads', () => {
  test('the rest of a message comes before the next one, and its end is told', () => {
    const pair = paused();
    write(pair, pair.a, 0, 2, 10);
    pair.run(100 * MS);
    const { conn } = pair.b;
    expect([...conn.read(4)!]).toEqual([...message(0, 10).subarray(0, 4)]);
    expect(conn.sduEnded).toBe(false);
    expect([...conn.read(4)!]).toEqual([...message(0, 10).subarray(4, 8)]);
    expect([...conn.read(4)!]).toEqual([...message(0, 10).subarray(8)]);
    expect(conn.sduEnded).toBe(true);
    expect([...conn.read()!]).toEqual([...message(1, 10)]);
    expect(conn.read(4)).toBeNull();
  });

  test('a read of the exact size ends the message', () => {
    const pair = paused();
    write(pair, pair.a, 0, 1, 10);
    pair.run(100 * MS);
    expect(pair.b.conn.read(10)!.length).toBe(10);
    expect(pair.b.conn.sduEnded).toBe(true);
  });

  test('a whole read gives the rest of a message begun in part', () => {
    const pair = paused();
    write(pair, pair.a, 0, 1, 10);
    pair.run(100 * MS);
    pair.b.conn.read(3);
    expect([...pair.b.conn.read()!]).toEqual([...message(0, 10).subarray(3)]);
    expect(pair.b.conn.sduEnded).toBe(true);
  });

  test('reading into memory stops at the end of a message, however much room there is', () => {
    const pair = paused();
    write(pair, pair.a, 0, 2, 10);
    pair.run(100 * MS);
    const out = new Uint8Array(64);
    expect(pair.b.conn.readInto(out, 2, 8)).toBe(6);
    expect(pair.b.conn.sduEnded).toBe(false);
    expect(pair.b.conn.readInto(out, 8)).toBe(4);
    expect(pair.b.conn.sduEnded).toBe(true);
    expect([...out.subarray(2, 12)]).toEqual([...message(0, 10)]);
    expect(pair.b.conn.readInto(out)).toBe(10);
    expect(pair.b.conn.readInto(out)).toBe(-1);
  });

  test('an empty message is a read of nothing, not nothing to read', () => {
    const pair = paused();
    write(pair, pair.a, 0, 1, 0);
    write(pair, pair.a, 1, 1, 5);
    pair.run(100 * MS);
    const out = new Uint8Array(8);
    expect(pair.b.conn.readInto(out)).toBe(0);
    expect(pair.b.conn.sduEnded).toBe(true);
    expect(pair.b.conn.readInto(out)).toBe(5);
  });

  test('a read of no bytes takes nothing', () => {
    const pair = paused();
    write(pair, pair.a, 0, 1, 5);
    pair.run(100 * MS);
    expect(pair.b.conn.read(0)!.length).toBe(0);
    expect(pair.b.conn.read()!.length).toBe(5);
  });

  test('memory given back in the middle of a message leaves its rest', () => {
    const pair = paused();
    write(pair, pair.a, 0, 1, 2_000);
    pair.run(100 * MS);
    pair.b.conn.read(700);
    pair.b.conn.compact();
    expect([...pair.b.conn.read()!]).toEqual([...message(0, 2_000).subarray(700)]);
  });

  test('what is left of a message stays readable after the end and the release of buffers', () => {
    const pair = paused();
    write(pair, pair.a, 0, 1, 100);
    pair.close(pair.a);
    pair.run(60 * SECOND);
    pair.b.conn.read(60);
    pair.run(60 * SECOND);
    expect([...pair.b.conn.read()!]).toEqual([...message(0, 100).subarray(60)]);
  });

  test('reading a large message in part opens the window for the writer', () => {
    const pair = paused({ params: { windowBytes: 8_192, sduMaxBytes: 8_192 } });
    write(pair, pair.a, 0, 1, 8_192);
    pair.run(SECOND);
    expect(pair.write(pair.a, message(1, 3_000))).toBe('queued');
    pair.run(SECOND);
    expect(pair.a.conn.unackedSdus).toBe(1);
    pair.b.conn.read(5_000);
    pair.run(SECOND);
    expect(pair.a.conn.unackedSdus).toBe(0);
    expect(pair.b.conn.readableSdus).toBe(2);
  });

  test('pieces of any size under loss make the messages written', () => {
    const pair = paused({ seed: 3, link: { lossRate: 0.2, jitterUs: 3_000 }, params: { mtuBytes: 200 } });
    const random = new Prng(9);
    const wanted: number[][] = [];
    const got: number[][] = [];
    for (let n = 0; n < 60; n++) {
      const sdu = message(n, random.below(900));
      expect(pair.write(pair.a, sdu)).toBe('queued');
      wanted.push([...sdu]);
    }
    for (let n = 0; n < 200 && got.length < wanted.length; n++) {
      pair.run(100 * MS);
      const sdus = readInPieces(pair, () => 1 + random.below(300));
      got.push(...sdus);
      pair.b.delivered.push(...sdus.map((sdu) => Uint8Array.from(sdu)));
      pair.flush(pair.b);
    }
    expect(got).toEqual(wanted);
  });
});

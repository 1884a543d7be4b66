import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BATCH_RUNS_MAX, SendBatch } from '../src/core/send-batch.ts';

const NOBODY = 'nobody';

function batchOf(...datagrams: [to: string, bytes: number][]): SendBatch<string> {
  const batch = new SendBatch(262_144, NOBODY);
  for (const [to, bytes] of datagrams) {
    expect(batch.reserve(bytes)).not.toBe(-1);
    batch.commit(to, bytes);
  }
  return batch;
}

const runsOf = (batch: SendBatch<string>): [string, number, number][] =>
  Array.from({ length: batch.runs }, (_, index) => {
    const { to, start, end, segmentBytes } = batch.run(index);
    return [to, end - start, segmentBytes];
  });

describe('a batch', () => {
  test('joins neighbours of one peer and one length, the last perhaps shorter', () => {
    expect(runsOf(batchOf(['a', 100], ['a', 100], ['a', 40]))).toEqual([['a', 240, 100]]);
  });

  test('joins nothing behind a shorter one', () => {
    expect(runsOf(batchOf(['a', 100], ['a', 40], ['a', 40]))).toEqual([
      ['a', 140, 100],
      ['a', 40, 40],
    ]);
  });

  test('joins no longer one and no other peer', () => {
    expect(runsOf(batchOf(['a', 100], ['a', 101], ['b', 101]))).toEqual([
      ['a', 100, 100],
      ['a', 101, 101],
      ['b', 101, 101],
    ]);
  });

  test('joins as many segments and bytes as the kernel takes in one message', () => {
    const small = batchOf(...Array.from({ length: 65 }, () => ['a', 10] as [string, number]));
    expect(runsOf(small)).toEqual([
      ['a', 640, 10],
      ['a', 10, 10],
    ]);
    expect(runsOf(batchOf(['a', 33_000], ['a', 32_507]))).toEqual([['a', 65_507, 33_000]]);
    expect(runsOf(batchOf(['a', 33_000], ['a', 32_508]))).toHaveLength(2);
  });

  test('joins nothing where the kernel does not segment', () => {
    const batch = new SendBatch(1_000, NOBODY);
    batch.segmentsMax = 1;
    batch.commit('a', 10);
    batch.commit('a', 10);
    expect(batch.runs).toBe(2);
  });

  test('has room again once everything has gone, from the beginning', () => {
    const batch = new SendBatch(100, NOBODY);
    expect(batch.reserve(60)).toBe(0);
    batch.commit('a', 60);
    expect(batch.reserve(40)).toBe(60);
    expect(batch.reserve(41)).toBe(-1);
    batch.sent(1);
    expect(batch.isEmpty).toBe(true);
    expect(batch.reserve(100)).toBe(0);
  });

  test('has no room for more runs than one call takes', () => {
    const batch = new SendBatch(100_000, NOBODY);
    for (let run = 0; run < BATCH_RUNS_MAX; run++) batch.commit(`peer ${run}`, 1);
    expect(batch.reserve(1)).toBe(-1);
  });

  test('does not join a run that has begun to go to one that has not', () => {
    const batch = batchOf(['a', 10], ['a', 10]);
    batch.sent(1);
    batch.commit('a', 10);
    expect(runsOf(batch)).toEqual([['a', 10, 10]]);
  });

  test('lets datagrams of a run go one by one', () => {
    const batch = batchOf(['a', 10], ['a', 10], ['a', 3], ['b', 5]);
    batch.run(0).isSplit = true;
    batch.sentFirst();
    expect(runsOf(batch)).toEqual([
      ['a', 13, 10],
      ['b', 5, 5],
    ]);
    batch.sentFirst();
    batch.sentFirst();
    expect(runsOf(batch)).toEqual([['b', 5, 5]]);
    batch.sentFirst();
    expect(batch.isEmpty).toBe(true);
    batch.commit('a', 1);
    expect(batch.run(0).isSplit).toBe(false);
  });

  test('keeps every datagram, whatever their lengths and peers', () => {
    const datagram = fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom(1, 2, 100, 1_200, 20_000));
    fc.assert(
      fc.property(fc.array(datagram, { maxLength: 40 }), (datagrams) => {
        const batch = new SendBatch(1_000_000, NOBODY);
        for (const [to, bytes] of datagrams) batch.commit(to, bytes);
        const taken: [string, number][] = [];
        for (const [to, length, segmentBytes] of runsOf(batch)) {
          for (let at = 0; at < length; at += segmentBytes)
            taken.push([to, Math.min(segmentBytes, length - at)]);
        }
        expect(taken).toEqual(datagrams);
      }),
    );
  });
});

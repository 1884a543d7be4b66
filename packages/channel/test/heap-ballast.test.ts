import v8 from 'node:v8';
import { beforeEach, expect, test } from '@jest/globals';
import { HeapBallast } from '../src/adapters/heap-ballast.ts';

const MIB = 1_048_576;

let nowMs = 0;
let heapBytes = 0;
let ballast: HeapBallast;

/** Slabs of 64 KiB, so many MiB of them in so many ms. */
function slabs(mebibytes: number, ms: number): void {
  for (let i = 0; i < 16 * mebibytes; i++) {
    nowMs += ms / (16 * mebibytes);
    ballast.slabMade(65_536);
  }
}

function largeObjectBytes(): number {
  const spaces = v8.getHeapSpaceStatistics().filter(({ space_name: name }) => name.includes('large_object'));
  return spaces.reduce((sum, space) => sum + space.space_used_size, 0);
}

beforeEach(() => {
  nowMs = 0;
  heapBytes = 8 * MIB;
  ballast = new HeapBallast(
    () => nowMs,
    () => heapBytes,
  );
});

test('a small heap that receives a stream is made larger, once', () => {
  slabs(40, 40);
  expect(ballast.bytes).toBe(16 * MIB);
  heapBytes = 1 * MIB;
  slabs(40, 40);
  expect(ballast.bytes).toBe(16 * MIB);
});

test('the ballast lies in the heap of the process', () => {
  // Much more than what may be collected meanwhile.
  heapBytes = -64 * MIB;
  const before = largeObjectBytes();
  slabs(40, 40);
  expect(largeObjectBytes() - before).toBeGreaterThan(40 * MIB);
});

test('a large heap stays as it is', () => {
  heapBytes = 30 * MIB;
  slabs(40, 40);
  expect(ballast.bytes).toBe(0);
});

test('what comes slowly is no stream, however much it is in the end', () => {
  slabs(400, 60_000);
  expect(ballast.bytes).toBe(0);
});

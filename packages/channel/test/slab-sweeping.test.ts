import v8 from 'node:v8';
import { beforeEach, expect, jest, test } from '@jest/globals';
import { SlabSweeping, sweepBuffersAtOnce } from '../src/adapters/slab-sweeping.ts';

let nowMs = 0;
let timesAsked = 0;
let sweeping: SlabSweeping;

/** Slabs of 64 KiB, so many MiB of them in so many ms. */
function slabs(mebibytes: number, ms: number): void {
  for (let i = 0; i < 16 * mebibytes; i++) {
    nowMs += ms / (16 * mebibytes);
    sweeping.slabMade(65_536);
  }
}

beforeEach(() => {
  nowMs = 0;
  timesAsked = 0;
  sweeping = new SlabSweeping(
    () => nowMs,
    () => timesAsked++,
  );
});

test('a process that receives a stream has its slabs freed in the collection, asked for once', () => {
  slabs(40, 40);
  expect(timesAsked).toBe(1);
  slabs(400, 400);
  expect(timesAsked).toBe(1);
});

test('what comes slowly is no stream, however much it is in the end', () => {
  slabs(400, 60_000);
  expect(timesAsked).toBe(0);
});

test('a burst of less than 32 MiB is no stream', () => {
  slabs(31, 10);
  expect(timesAsked).toBe(0);
});

test.each([
  ['11.3.244.8-node.38', 1],
  ['12.4.254.21-node.57', 0],
  ['13.6.233.17-node.53', 0],
])('of V8 %s the switch is asked for %d times', (version, times) => {
  const setFlags = jest.spyOn(v8, 'setFlagsFromString').mockImplementation(() => undefined);
  try {
    sweepBuffersAtOnce(version);
    expect(setFlags).toHaveBeenCalledTimes(times);
  } finally {
    setFlags.mockRestore();
  }
});

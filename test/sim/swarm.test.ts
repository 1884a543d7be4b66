import { expect, test } from '@jest/globals';
import { runSeed } from './run-seed.ts';

test('a seed gives the same trace every time', () => {
  for (const seed of [3, 17, 99]) expect(runSeed(seed, 'small')).toEqual(runSeed(seed, 'small'));
});

test('two seeds differ', () => {
  expect(runSeed(1, 'small').traceHash).not.toBe(runSeed(2, 'small').traceHash);
});

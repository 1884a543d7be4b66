import { expect, test } from '@jest/globals';
import { runSeed } from './swarm.ts';

/** More in `npm test`. */
const SEEDS = Number(process.env['FLOWRING_SWARM_SEEDS'] ?? 100);

test(`${SEEDS} seeds of faults end with everything delivered once, in order, and nothing left`, () => {
  const failures: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runSeed(seed);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  expect(failures.slice(0, 5)).toEqual([]);
});

test('a seed gives the same trace every time', () => {
  for (const seed of [3, 17, 99]) expect(runSeed(seed)).toBe(runSeed(seed));
});

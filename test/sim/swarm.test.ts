import { describe, expect, test } from '@jest/globals';
import { runBatch } from './batch.ts';
import { keptSeeds } from './kept-seeds.ts';
import { turnedKnobs } from './knobs.ts';
import { runSeed, type ProfileName } from './run-seed.ts';

/** Seeds of each profile; `FLOWRING_SIM_SEEDS` runs so many small ones, and the others in proportion. */
const SMALL = Number(process.env['FLOWRING_SIM_SEEDS'] ?? 400);
const SHARES: Readonly<Record<ProfileName, number>> = { small: 1, frcp: 0.12, stack: 0.06, long: 0.08 };

describe('seeds that once failed', () => {
  test.each(keptSeeds())('$profile $seed: $why', ({ profile, seed, knobs }) => {
    expect(runSeed(seed, profile, { knobs }).violation).toBeNull();
  });
});

describe('the swarm', () => {
  test.each(Object.entries(SHARES) as [ProfileName, number][])(
    '%s: no seed violates an invariant',
    (profile, share) => {
      const { failures } = runBatch(profile, 1, Math.ceil(SMALL * share));
      expect(
        failures.map(({ seed, violation, knobs }) => ({
          profile,
          seed,
          violation,
          knobs: turnedKnobs(knobs),
        })),
      ).toEqual([]);
    },
  );
});

describe('a seed', () => {
  test.each(Object.keys(SHARES) as ProfileName[])('of %s gives the same run every time', (profile) => {
    for (const seed of [3, 17, 99]) expect(runSeed(seed, profile)).toEqual(runSeed(seed, profile));
  });

  test('differs from another', () => {
    expect(runSeed(1, 'small').traceHash).not.toBe(runSeed(2, 'small').traceHash);
  });
});

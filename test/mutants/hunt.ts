import type { Machine } from '../sim/machine.ts';
import { runSeed, type ProfileName } from '../sim/run-seed.ts';
import type { Mutant } from './mutant.ts';

const DEFAULT_PROFILES: readonly ProfileName[] = ['small'];

/** A run of one seed. */
export interface Try {
  readonly profile: ProfileName;
  readonly seed: number;
}

/** What ended a mutant, or that nothing did. */
export interface Hunt {
  /** Seeds that were run, the killing one included. */
  readonly seeds: number;
  readonly kill: (Try & { readonly by: string; readonly message: string }) | null;
}

export function profilesOf(mutant: Mutant): readonly ProfileName[] {
  return mutant.profiles ?? DEFAULT_PROFILES;
}

/** The seeds that a mutant is tried with: 1 of each of its profiles, then 2 of each, and so on. */
export function nthTry(mutant: Mutant, n: number): Try {
  const profiles = profilesOf(mutant);
  return { profile: profiles[n % profiles.length]!, seed: 1 + Math.floor(n / profiles.length) };
}

/** Runs seeds until one finds the fault, at most `seedsMax`. `onTry` is told before each. */
export function hunt(mutant: Mutant, machine: Machine, seedsMax: number, onTry?: (n: number) => void): Hunt {
  for (let n = 0; n < seedsMax; n += 1) {
    onTry?.(n);
    const { profile, seed } = nthTry(mutant, n);
    const { violation } = runSeed(seed, profile, { machine });
    if (violation === null) continue;
    const { invariant: by, message } = violation;
    return { seeds: n + 1, kill: { profile, seed, by, message: message.split('\n')[0]! } };
  }
  return { seeds: seedsMax, kill: null };
}

import { CALM, turnedKnobs, type KnobName, type Knobs } from './knobs.ts';
import { runSeed, type ProfileName, type RunOptions } from './run-seed.ts';

/** A failing seed may be run so often while it is shrunk. */
const RUNS_MAX = 400;

export interface Shrunk {
  /** Only the knobs that are not calm. */
  readonly knobs: Partial<Knobs>;
  readonly runs: number;
}

/**
 * Finds the calmest knobs with which the seed still violates the same invariant: turns each off, then halves what is
 * left, until nothing more can be turned down.
 */
export function shrink(
  seed: number,
  profile: ProfileName,
  failing: Knobs,
  options: Pick<RunOptions, 'machine'> = {},
): Shrunk {
  const invariant = runSeed(seed, profile, { ...options, knobs: failing }).violation?.invariant;
  let knobs = failing;
  let runs = 1;
  const tryWith = (name: KnobName, value: number): boolean => {
    if (runs >= RUNS_MAX || value === knobs[name]) return false;
    runs += 1;
    const calmer = { ...knobs, [name]: value };
    if (runSeed(seed, profile, { ...options, knobs: calmer }).violation?.invariant !== invariant)
      return false;
    knobs = calmer;
    return true;
  };
  for (let before: Knobs | null = null; before !== knobs && runs < RUNS_MAX;) {
    before = knobs;
    const turned = Object.keys(turnedKnobs(knobs)) as KnobName[];
    for (const name of turned) {
      if (tryWith(name, CALM[name])) continue;
      while (tryWith(name, CALM[name] + Math.trunc((knobs[name] - CALM[name]) / 2)));
    }
  }
  return { knobs: turnedKnobs(knobs), runs };
}

import type { Hunt } from './hunt.ts';

/** What became of a mutant. */
export interface Hunted {
  readonly name: string;
  readonly requirement: string;
  readonly like: string;
  /** It was found by an invariant that should find it. */
  readonly expected: boolean;
  readonly hunt: Hunt;
}

export interface Outcome {
  readonly hunted: readonly Hunted[];
  readonly survivors: readonly string[];
  /** Seeds that the machine as it is fails: what they kill proves nothing. */
  readonly controlFailed: readonly string[];
  readonly seconds: number;
}

export function medianSeeds(hunted: readonly Hunted[]): number {
  const seeds = hunted.map(({ hunt }) => (hunt.kill === null ? Infinity : hunt.seeds)).sort((x, y) => x - y);
  const middle = seeds.length >>> 1;
  return seeds.length % 2 === 1 ? seeds[middle]! : (seeds[middle - 1]! + seeds[middle]!) / 2;
}

/** The figures behind the lines of the mutants. */
export function report(
  { hunted, survivors, controlFailed, seconds }: Outcome,
  print: (line: string) => void,
): void {
  const most = Math.max(...hunted.map(({ hunt }) => hunt.seeds));
  const killed = hunted.length - survivors.length;
  print(`${killed} of ${hunted.length} killed; seeds to kill: median ${medianSeeds(hunted)}, most ${most}`);
  for (const name of survivors) print(`survives: ${name}`);
  for (const line of controlFailed) print(`the machine as it is fails ${line}`);
  print(`${seconds.toFixed(0)} s`);
}

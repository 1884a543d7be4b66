import { drawFrcp, drawLong, drawSmall, drawStack } from './draw-knobs.ts';
import { FrcpWorld } from './frcp-world.ts';
import { knobsFrom, type Knobs } from './knobs.ts';
import { MACHINE, type Machine } from './machine.ts';
import type { MarkName } from './marks.ts';
import { Dice } from './seeded.ts';
import { StackWorld } from './stack/stack-world.ts';
import type { TraceSink } from './trace.ts';
import { InvariantViolated, type Violation } from './violation.ts';

export type ProfileName = 'small' | 'frcp' | 'stack' | 'long';

export const PROFILES: Readonly<Record<ProfileName, (dice: Dice) => Knobs>> = {
  small: drawSmall,
  frcp: drawFrcp,
  stack: drawStack,
  long: drawLong,
};

export interface RunOptions {
  /** Another build of `packages/frcp`; default: this tree's. */
  readonly machine?: Machine;
  /** Instead of the knobs that the seed would draw; what is not named is calm. */
  readonly knobs?: Partial<Knobs>;
  readonly trace?: TraceSink;
}

export interface SeedResult {
  readonly seed: number;
  readonly profile: ProfileName;
  readonly knobs: Knobs;
  /** Of everything sent and told, with its time: equal for equal runs. */
  readonly traceHash: number;
  readonly violation: Violation | null;
  readonly marks: readonly MarkName[];
  readonly events: number;
  readonly virtualUs: number;
}

/**
 * Runs one seed to its end. Never throws for what the machine does: an exception from it is a violation of I40. A
 * machine that loops for ever inside one call hangs the caller; run strangers in a process with a time limit.
 */
export function runSeed(seed: number, profile: ProfileName, options: RunOptions = {}): SeedResult {
  const knobs =
    options.knobs === undefined ? PROFILES[profile](new Dice(seed ^ 0x5eed5eed)) : knobsFrom(options.knobs);
  const machine = options.machine ?? MACHINE;
  let world: FrcpWorld | StackWorld | null = null;
  let violation: Violation | null = null;
  try {
    const trace = options.trace ?? null;
    world =
      profile === 'stack'
        ? new StackWorld({ seed, knobs, machine, trace: trace && ((line) => trace.line(line)) })
        : new FrcpWorld({ seed, knobs, machine, trace });
    world.run();
  } catch (error) {
    violation = violationOf(error, world?.nowUs ?? 0);
  }
  return {
    ...{ seed, profile, knobs, violation },
    traceHash: (world?.traceHash ?? 0) >>> 0,
    marks: [...(world?.marks.hit ?? [])],
    events: world?.events ?? 0,
    virtualUs: world?.nowUs ?? 0,
  };
}

function violationOf(error: unknown, atUs: number): Violation {
  if (error instanceof InvariantViolated) return { invariant: error.invariant, message: error.message, atUs };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { invariant: 'I40', message: text.split('\n').slice(0, 6).join('\n'), atUs };
}

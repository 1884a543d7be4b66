import type { Knobs } from './knobs.ts';
import type { MarkName } from './marks.ts';
import { runSeed, type ProfileName, type RunOptions } from './run-seed.ts';
import type { Violation } from './violation.ts';

/** A seed that failed. */
export interface Failure {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly violation: Violation;
}

/** What many seeds came to. Plain data: batches of several processes are added up. */
export interface BatchResult {
  seeds: number;
  events: number;
  virtualUs: number;
  /** Seconds of one core. */
  cpuSeconds: number;
  /** In how many seeds each mark was hit. */
  marks: Partial<Record<MarkName, number>>;
  failures: Failure[];
}

export function emptyBatch(): BatchResult {
  return { seeds: 0, events: 0, virtualUs: 0, cpuSeconds: 0, marks: {}, failures: [] };
}

/** Runs `count` seeds from `first` on. */
export function runBatch(
  profile: ProfileName,
  first: number,
  count: number,
  options: RunOptions = {},
): BatchResult {
  const batch = emptyBatch();
  const began = process.cpuUsage();
  for (let seed = first; seed < first + count; seed += 1) {
    const { violation, knobs, events, virtualUs, marks } = runSeed(seed, profile, options);
    batch.seeds += 1;
    batch.events += events;
    batch.virtualUs += virtualUs;
    for (const mark of marks) batch.marks[mark] = (batch.marks[mark] ?? 0) + 1;
    if (violation !== null) batch.failures.push({ seed, knobs, violation });
  }
  const { user, system } = process.cpuUsage(began);
  batch.cpuSeconds = (user + system) / 1e6;
  return batch;
}

/** Adds `more` to `sum`. */
export function addBatch(sum: BatchResult, more: BatchResult): void {
  sum.seeds += more.seeds;
  sum.events += more.events;
  sum.virtualUs += more.virtualUs;
  sum.cpuSeconds += more.cpuSeconds;
  for (const [mark, seeds] of Object.entries(more.marks))
    sum.marks[mark as MarkName] = (sum.marks[mark as MarkName] ?? 0) + seeds;
  sum.failures.push(...more.failures);
}

import type { BatchResult, Failure } from './batch.ts';
import { MARKS, type MarkName } from './marks.ts';
import type { ProfileName } from './run-seed.ts';
import { shrink } from './shrink.ts';

/** So many failures are shrunk; the others are only named. */
const SHRUNK_MAX = 3;

type Print = (line: string) => void;

/** Figures, what failed with the command that replays it, and the states that were reached. */
export function report(batch: BatchResult, profile: ProfileName, seconds: number, print: Print): void {
  for (const failure of batch.failures.slice(0, SHRUNK_MAX)) reportFailure(failure, profile, print);
  for (const { seed, violation } of batch.failures.slice(SHRUNK_MAX))
    print(`seed ${seed} of ${profile}: ${violation.invariant} ${firstLine(violation.message)}`);
  const { seeds, events, virtualUs, cpuSeconds, failures } = batch;
  const perSecond = (n: number): string => (n / cpuSeconds).toFixed(0);
  const speed = `${perSecond(seeds)} seeds and ${perSecond(events)} events a second of one core`;
  const virtual = `${(virtualUs / 3.6e9).toFixed(1)} virtual hours, ${perSecond(virtualUs / 1e6)} times as fast`;
  print(`${seeds} seeds of ${profile} in ${seconds.toFixed(1)} s: ${speed}; ${virtual}`);
  print(`${failures.length} failed`);
}

function reportFailure({ seed, knobs, violation }: Failure, profile: ProfileName, print: Print): void {
  print(`seed ${seed} of ${profile} at ${(violation.atUs / 1e6).toFixed(6)} s: ${violation.invariant}`);
  print(`  ${violation.message}`);
  const { knobs: smallest, runs } = shrink(seed, profile, knobs);
  print(`  the calmest knobs that still do it (${runs} runs):`);
  print(`  npm run sim -- --profile ${profile} --seed ${seed} --knobs '${JSON.stringify(smallest)}' --trace`);
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.slice(0, 160);
}

/** How many seeds hit each mark; those that none has hit come last and are called out. */
export function reportMarks(batch: BatchResult, print: Print): void {
  const names = Object.keys(MARKS) as MarkName[];
  const times = (name: MarkName): number => batch.marks[name] ?? 0;
  for (const name of names.filter((one) => times(one) > 0).sort((x, y) => times(y) - times(x)))
    print(`  ${String(times(name)).padStart(7)}  ${name.padEnd(28)} ${MARKS[name]}`);
  const never = names.filter((name) => times(name) === 0);
  if (never.length > 0) print(`  never hit: ${never.join(', ')}`);
}

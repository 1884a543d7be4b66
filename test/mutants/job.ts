import { runBatch } from '../sim/batch.ts';
import type { ProfileName } from '../sim/run-seed.ts';
import { MUTANTS } from './catalogue.ts';
import { hunt, type Hunt } from './hunt.ts';
import { buildMachine } from './mutated-machine.ts';

/** What a job is asked: to hunt a mutant, or to run seeds of a profile with the machine as it is. */
export type Task =
  | { readonly kind: 'hunt'; readonly name: string; readonly seedsMax: number }
  | {
      readonly kind: 'control';
      readonly profile: ProfileName;
      readonly first: number;
      readonly count: number;
    };

export type Answer =
  /** The n-th seed begins. */
  | { readonly type: 'try'; readonly n: number }
  | { readonly type: 'hunted'; readonly hunt: Hunt }
  /** Seeds that the machine as it is fails. */
  | { readonly type: 'controlled'; readonly failed: readonly { seed: number; why: string }[] };

/** The child's side of {@link ./pool.ts}: one task after another. */
export function serve(): void {
  const tell = (answer: Answer): void => void process.send!(answer);
  process.on('message', (task: Task) => {
    void perform(task, tell).catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  });
}

async function perform(task: Task, tell: (answer: Answer) => void): Promise<void> {
  if (task.kind === 'hunt') {
    const mutant = MUTANTS.find(({ name }) => name === task.name)!;
    const machine = await buildMachine(mutant.patches);
    tell({ type: 'hunted', hunt: hunt(mutant, machine, task.seedsMax, (n) => tell({ type: 'try', n })) });
    return;
  }
  const { failures } = runBatch(task.profile, task.first, task.count, { machine: await buildMachine([]) });
  const failed = failures.map(({ seed, violation: { invariant, message } }) => ({
    seed,
    why: `${invariant} ${message.split('\n')[0]!}`,
  }));
  tell({ type: 'controlled', failed });
}

import { parseArgs } from 'node:util';
import { PROFILES, type ProfileName } from '../sim/run-seed.ts';
import { MUTANTS } from './catalogue.ts';
import { nthTry, profilesOf, type Hunt } from './hunt.ts';
import type { Task } from './job.ts';
import type { Mutant } from './mutant.ts';
import { runTasks } from './pool.ts';
import { report, type Hunted, type Outcome } from './report.ts';

const HELP = `npm run mutants -- [options]
  --only NAME      the mutants whose names contain this
  --seeds-max N    a mutant that survives so many seeds survives (2000)
  --jobs N         in so many processes (2)
  --json           prints the result as JSON
  --list           names the mutants and what they break
  --help           this

Exits with 1 when a mutant survives, or when the machine as it is fails one of the same seeds. docs/MUTANTS.md says more.`;

const OPTIONS = {
  only: { type: 'string', default: '' },
  'seeds-max': { type: 'string', default: '2000' },
  jobs: { type: 'string', default: '2' },
  json: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Seeds of the machine as it is go out in such batches. */
const CONTROL_BATCH = 50;

interface Asked {
  readonly mutants: readonly Mutant[];
  readonly seedsMax: number;
  readonly jobs: number;
}

/** `npm run mutants`. Returns the exit code: 2 when the arguments make no sense. */
export async function main(args: readonly string[]): Promise<number> {
  const print = (line: string): void => console.log(line);
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    if (values.help) return (print(HELP), 0);
    const asked: Asked = {
      mutants: named(values.only),
      seedsMax: whole('--seeds-max', values['seeds-max']),
      jobs: whole('--jobs', values.jobs),
    };
    if (values.list) return (list(asked.mutants, print), 0);
    const outcome = await run(asked, values.json ? () => undefined : print);
    if (values.json) print(JSON.stringify(outcome));
    else report(outcome, print);
    return outcome.survivors.length === 0 && outcome.controlFailed.length === 0 ? 0 : 1;
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
}

function named(part: string): readonly Mutant[] {
  const mutants = MUTANTS.filter(({ name }) => name.includes(part));
  if (mutants.length === 0) throw new RangeError(`--only: no mutant is called ${part}`);
  return mutants;
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${option}: not a number: ${text}`);
  return value;
}

function list(mutants: readonly Mutant[], print: (line: string) => void): void {
  for (const { name, requirement, like = '', breaks } of mutants)
    print(`${name.padEnd(40)} ${requirement.padEnd(10)} ${like.padEnd(6)} ${breaks}`);
}

async function run(asked: Asked, print: (line: string) => void): Promise<Outcome> {
  const began = performance.now();
  const hunted = await huntAll(asked, print);
  const controlFailed = await control(hunted, asked.jobs);
  return {
    hunted,
    controlFailed,
    survivors: hunted.filter(({ hunt }) => hunt.kill === null).map(({ name }) => name),
    seconds: (performance.now() - began) / 1_000,
  };
}

async function huntAll({ mutants, seedsMax, jobs }: Asked, print: (line: string) => void): Promise<Hunted[]> {
  const byName = new Map(mutants.map((mutant) => [mutant.name, mutant]));
  const tasks = mutants.map(({ name }) => ({ kind: 'hunt', name, seedsMax }) as const);
  const hunted: Hunted[] = [];
  await runTasks(tasks, jobs, ({ name }, answer) => {
    const mutant = byName.get(name)!;
    if (answer.type === 'controlled') return;
    const hunt = answer.type === 'hunted' ? answer.hunt : hungAt(mutant, answer.n);
    const { requirement, like = '', caughtBy } = mutant;
    const by = hunt.kill?.by ?? 'nothing';
    const expected = by === 'hang' || (caughtBy as readonly string[]).includes(by);
    hunted.push({ name, requirement, like, expected, hunt });
    const who = hunt.kill === null ? 'SURVIVES' : `${by}${expected ? '' : ' (!)'}`;
    print(`${name.padEnd(40)} ${String(hunt.seeds).padStart(5)}  ${who.padEnd(9)} ${detail(hunt)}`);
  });
  return hunted;
}

function detail({ kill }: Hunt): string {
  return kill === null ? '' : `${kill.profile} ${kill.seed}: ${kill.message.slice(0, 90)}`;
}

function hungAt(mutant: Mutant, n: number): Hunt {
  const kill = { ...nthTry(mutant, n), by: 'hang', message: 'it loops for ever' };
  return { seeds: n + 1, kill };
}

/** The machine as it is must pass every seed that a mutant was tried with. */
async function control(hunted: readonly Hunted[], jobs: number): Promise<string[]> {
  const failed: string[] = [];
  const tasks = (Object.keys(PROFILES) as ProfileName[]).flatMap((profile) =>
    batches(profile, lastSeedOf(profile, hunted)),
  );
  await runTasks(tasks, jobs, ({ profile }, answer) => {
    if (answer.type === 'controlled')
      failed.push(...answer.failed.map(({ seed, why }) => `${profile} ${seed}: ${why}`));
  });
  return failed;
}

function lastSeedOf(profile: ProfileName, hunted: readonly Hunted[]): number {
  const last = hunted.map(({ name, hunt }) => {
    const profiles = profilesOf(MUTANTS.find((one) => one.name === name)!);
    return profiles.includes(profile) ? Math.ceil(hunt.seeds / profiles.length) : 0;
  });
  return Math.max(0, ...last);
}

function batches(profile: ProfileName, last: number): Extract<Task, { kind: 'control' }>[] {
  const starts = Array.from({ length: Math.ceil(last / CONTROL_BATCH) }, (_, n) => 1 + n * CONTROL_BATCH);
  return starts.map((first) => {
    const count = Math.min(CONTROL_BATCH, last - first + 1);
    return { kind: 'control', profile, first, count };
  });
}

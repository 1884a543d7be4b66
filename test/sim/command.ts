import { parseArgs } from 'node:util';
import { runBatch, type BatchResult } from './batch.ts';
import fs from 'node:fs';
import { runJobs } from './jobs.ts';
import type { Knobs } from './knobs.ts';
import { readCapture, Recorder } from './plot/capture.ts';
import { sequencePlot } from './plot/sequence-plot.ts';
import { report, reportMarks } from './report.ts';
import { PROFILES, runSeed, type ProfileName } from './run-seed.ts';
import { TextTrace } from './trace.ts';

const HELP = `npm run sim -- [options]
  --seed N         the first seed (1)
  --count N        so many seeds (1)
  --profile NAME   ${Object.keys(PROFILES).join(', ')} (small)
  --knobs JSON     these knobs instead of those that the seed draws; the others are calm
  --jobs N         in so many processes (1)
  --trace          prints what happens, a line for each packet; one seed only
  --plot FILE      draws numbers, acknowledgements and window over time as SVG; one seed of a pair, or a capture
  --capture FILE   with --plot: reads this capture instead of running a seed; without: writes the seed's
  --json           prints the result as JSON
  --help           this

Exits with 1 when a seed failed. docs/SIMULATOR.md says more.`;

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  count: { type: 'string', default: '1' },
  profile: { type: 'string', default: 'small' },
  knobs: { type: 'string' },
  jobs: { type: 'string', default: '1' },
  trace: { type: 'boolean', default: false },
  plot: { type: 'string' },
  capture: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

interface Asked {
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  readonly profile: ProfileName;
  readonly knobs: Partial<Knobs> | null;
}

/** `npm run sim`. Returns the exit code: 2 when the arguments make no sense. */
export async function main(args: readonly string[]): Promise<number> {
  const print = (line: string): void => console.log(line);
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    if (values.help) {
      print(HELP);
      return 0;
    }
    const asked: Asked = {
      first: whole('--seed', values.seed, 0),
      count: whole('--count', values.count, 1),
      jobs: whole('--jobs', values.jobs, 1),
      profile: profileOf(values.profile),
      knobs: values.knobs === undefined ? null : (JSON.parse(values.knobs) as Partial<Knobs>),
    };
    if (values.plot !== undefined || values.capture !== undefined) {
      draw(asked, values.plot, values.capture);
      return 0;
    }
    if (values.trace) traceSeed(asked, print);
    const began = performance.now();
    const batch = await run(asked);
    const seconds = (performance.now() - began) / 1_000;
    if (values.json) print(JSON.stringify(batch));
    else {
      report(batch, asked.profile, seconds, print);
      reportMarks(batch, print);
    }
    return batch.failures.length === 0 ? 0 : 1;
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
}

async function run({ first, count, jobs, profile, knobs }: Asked): Promise<BatchResult> {
  if (jobs === 1) return runBatch(profile, first, count, knobs === null ? {} : { knobs });
  const args = ['--profile', profile, ...(knobs === null ? [] : ['--knobs', JSON.stringify(knobs)])];
  return runJobs({ first, count, jobs, args });
}

function traceSeed({ first, profile, knobs }: Asked, print: (line: string) => void): void {
  const trace = new TextTrace(print);
  runSeed(first, profile, knobs === null ? { trace } : { trace, knobs });
}

function draw(asked: Asked, plot: string | undefined, capture: string | undefined): void {
  if (plot !== undefined && capture !== undefined) {
    fs.writeFileSync(plot, sequencePlot(readCapture(capture), capture));
    return;
  }
  const { first, profile, knobs } = asked;
  if (profile === 'stack') throw new RangeError('--plot: a stack has many flows; take a profile of one pair');
  const recorder = new Recorder();
  runSeed(first, profile, knobs === null ? { trace: recorder } : { trace: recorder, knobs });
  if (plot !== undefined) fs.writeFileSync(plot, sequencePlot(recorder.flow, `seed ${first} of ${profile}`));
  if (capture !== undefined) fs.writeFileSync(capture, `${recorder.lines.join('\n')}\n`);
}

function profileOf(name: string): ProfileName {
  if (!Object.hasOwn(PROFILES, name)) throw new RangeError(`--profile: there is no ${name}`);
  return name as ProfileName;
}

function whole(option: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) throw new RangeError(`${option}: not a number: ${text}`);
  return value;
}

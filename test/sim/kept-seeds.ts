import fs from 'node:fs';
import type { Knobs } from './knobs.ts';
import type { ProfileName } from './run-seed.ts';

/** A line of seeds.txt. */
export interface KeptSeed {
  readonly profile: ProfileName;
  readonly seed: number;
  readonly knobs: Partial<Knobs>;
  readonly why: string;
}

const FIELDS = 4;

/** Every seed that ever failed. */
export function keptSeeds(): KeptSeed[] {
  const text = fs.readFileSync(new URL('./seeds.txt', import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map(parseLine);
}

function parseLine(line: string): KeptSeed {
  const fields = line.split(' | ');
  if (fields.length !== FIELDS) throw new SyntaxError(`seeds.txt: ${line}`);
  const [profile, seed, knobs, why] = fields as [ProfileName, string, string, string];
  return { profile, seed: Number(seed), knobs: JSON.parse(knobs) as Partial<Knobs>, why };
}

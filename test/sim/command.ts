import { parseArgs } from 'node:util';
import { turnedKnobs } from './knobs.ts';
import { PROFILES, runSeed, type ProfileName } from './run-seed.ts';

const HELP = `npm run sim -- [options]
  --seed N         the first seed (1)
  --count N        so many seeds (1)
  --profile NAME   ${Object.keys(PROFILES).join(', ')} (small)
  --knobs JSON     these knobs instead of those the seed draws; the others are calm`;

/** `npm run sim`. Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '1' },
      profile: { type: 'string', default: 'small' },
      knobs: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const profile = values.profile as ProfileName;
  const knobs = values.knobs === undefined ? {} : { knobs: JSON.parse(values.knobs) as object };
  let failed = 0;
  for (let n = 0; n < Number(values.count); n += 1) {
    const seed = Number(values.seed) + n;
    const result = runSeed(seed, profile, knobs);
    if (result.violation === null) continue;
    failed += 1;
    console.log(`seed ${seed}: ${result.violation.invariant} ${result.violation.message}`);
    console.log(`  --knobs '${JSON.stringify(turnedKnobs(result.knobs))}'`);
  }
  console.log(`${values.count} seeds, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

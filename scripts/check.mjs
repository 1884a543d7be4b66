// `npm run check`: what must hold before a commit, in under a minute. Stops after the first stage that fails.
import { runTool, seconds } from './steps.mjs';

const PRETTIER = [
  '--check',
  '--log-level',
  'warn',
  '--cache',
  '--cache-location',
  'node_modules/.cache/prettier/check',
  '.',
];

/** A file that did not change is not linted again, though types it imports may have; `npm run lint` looks at all. */
const ESLINT = [
  '--max-warnings',
  '0',
  '--cache',
  '--cache-strategy',
  'content',
  '--cache-location',
  'node_modules/.cache/eslint/check',
  '.',
];

/** Steps of a stage run side by side, so that two cores are busy; a stage needs the one before it. */
const STAGES = [
  [
    { name: 'format', tool: 'prettier', args: PRETTIER, fix: 'npm run format' },
    { name: 'build', tool: 'tsc', args: ['-b'], fix: 'npm run build' },
  ],
  [
    { name: 'lint', tool: 'eslint', args: ESLINT, fix: 'npm run lint' },
    { name: 'types of tests', tool: 'tsc', args: ['-p', 'tsconfig.test.json'], fix: 'npm run types' },
    {
      name: 'unit and tidy',
      tool: 'jest',
      args: ['--selectProjects', 'unit', 'tidy', '--passWithNoTests', '--silent'],
      fix: 'npm run test:unit; npm run test:tidy; docs/ERRORS.md and LIMITS.md: node scripts/docs.mjs',
    },
  ],
];

const began = performance.now();
for (const stage of STAGES) {
  const failed = (await Promise.all(stage.map(runStep))).filter((step) => step !== null);
  if (failed.length === 0) continue;
  console.log(`\ncheck FAILED after ${seconds(began)}. To see and mend it:`);
  for (const { name, fix } of failed) console.log(`  ${name.padEnd(14)} ${fix}`);
  process.exit(1);
}
console.log(`check passed in ${seconds(began)}`);

/** Resolves to the step if it failed, after printing what it said; else to `null`. */
async function runStep(step) {
  const stepBegan = performance.now();
  const { code, output } = await runTool(step.tool, step.args, { isQuiet: true });
  if (code !== 0) console.log(`\n${output}`);
  console.log(`${step.name.padEnd(14)} ${code === 0 ? 'ok    ' : 'FAILED'}  ${seconds(stepBegan)}`);
  return code === 0 ? null : step;
}

// `npm run check`: what must hold before a commit, in under a minute. Stops at the first failure.
import { runTool, seconds } from './steps.mjs';

const STEPS = [
  { name: 'format', tool: 'prettier', args: ['--check', '--log-level', 'warn', '.'], fix: 'npm run format' },
  { name: 'build', tool: 'tsc', args: ['-b'], fix: 'npm run build' },
  { name: 'types', tool: 'tsc', args: ['-p', 'tsconfig.test.json'], fix: 'npm run types' },
  { name: 'lint', tool: 'eslint', args: ['--max-warnings', '0', '.'], fix: 'npm run lint' },
  {
    name: 'unit, tidy',
    tool: 'jest',
    args: ['--selectProjects', 'unit', 'tidy', '--passWithNoTests', '--silent'],
    fix: 'npm run test:unit; npm run test:tidy (docs tables: node scripts/docs.mjs)',
  },
];

const began = performance.now();
const done = [];
for (const { name, tool, args, fix } of STEPS) {
  const stepBegan = performance.now();
  const code = await runTool(tool, args);
  const time = seconds(stepBegan);
  if (code !== 0) {
    console.log(`\n${[...done, `${name.padEnd(12)} FAILED  ${time}`].join('\n')}`);
    console.log(`\ncheck failed at: ${name}. To see and mend it: ${fix}`);
    process.exit(1);
  }
  done.push(`${name.padEnd(12)} ok      ${time}`);
}
console.log(`\n${done.join('\n')}\ncheck passed in ${seconds(began)}`);

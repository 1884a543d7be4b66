// `npm test [-- SUITE ...]`: builds, runs every jest project, then the data path's suites again where koffi is missing.
// The last line is `N passed, N failed`; anything left behind by the run counts as a failure.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { openLeakGate } from './leak-gate.mjs';
import { ROOT, runTool, seconds } from './steps.mjs';
import { makeTreeWithoutKoffi } from './tree-without-koffi.mjs';

/** A suite that hangs is ended, and is a failure; a busy machine takes several times as long as an idle one. */
const SUITE_MAX_MS = 30 * 60_000;
/** 2,000 seeds of all profiles. */
const SEEDS = { FLOWRING_SIM_SEEDS: '1600' };
/** Says to the tests that koffi is missing on purpose. */
const FALLBACK = { FLOWRING_TEST_WITHOUT_KOFFI: '1' };
const SUITES = [
  { name: 'unit', args: ['--selectProjects', 'unit'] },
  { name: 'tidy', args: ['--selectProjects', 'tidy'] },
  { name: 'sim', args: ['--selectProjects', 'sim'], env: SEEDS },
  { name: 'conformance', args: ['--selectProjects', 'conformance'] },
  { name: 'process', args: ['--selectProjects', 'process'] },
  { name: 'netns', args: ['--selectProjects', 'netns'] },
  { name: 'libdev (no koffi)', args: ['packages/libdev/', '--selectProjects', 'unit'], env: FALLBACK },
  { name: 'conformance (no koffi)', args: ['--selectProjects', 'conformance'], env: FALLBACK },
  { name: 'process (no koffi)', args: ['--selectProjects', 'process'], env: FALLBACK },
];

const asked = process.argv.slice(2);
const chosen = SUITES.filter(({ name }) => asked.length === 0 || asked.includes(name));
if (asked.length > chosen.length) {
  console.error(`unknown suite; there are: ${SUITES.map(({ name }) => JSON.stringify(name)).join(' ')}`);
  process.exit(2);
}

const began = performance.now();
ensureInstalled();
const rows = [];
const results = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-results-'));
const withoutKoffi = path.join(results, 'tree');
try {
  if ((await build()) === 0) await runSuites();
  else rows.push({ name: 'build', passed: 0, failed: 1, time: seconds(began) });
} finally {
  fs.rmSync(results, { recursive: true, force: true });
}
report();

async function runSuites() {
  const gate = openLeakGate();
  makeTreeWithoutKoffi(withoutKoffi);
  for (const [index, suite] of chosen.entries()) {
    console.log(`\n== ${suite.name}`);
    const output = path.join(results, `${index}.json`);
    rows.push({ name: suite.name, ...(await runSuite(suite, gate.env, output)) });
  }
  const leaks = await gate.check();
  for (const leak of leaks) console.log(`LEAK ${leak}`);
  rows.push({ name: 'leak gate', passed: leaks.length === 0 ? 1 : 0, failed: leaks.length, time: '' });
}

async function runSuite({ args, env = {} }, gateEnv, outputFile) {
  const suiteBegan = performance.now();
  const { code } = await runTool(
    'jest',
    [
      ...args,
      '--passWithNoTests',
      `--cacheDirectory=${path.join(ROOT, 'node_modules/.cache/jest')}`,
      '--json',
      `--outputFile=${outputFile}`,
    ],
    {
      env: { ...gateEnv, ...env },
      timeoutMs: SUITE_MAX_MS,
      root: env === FALLBACK ? withoutKoffi : ROOT,
    },
  );
  const { passed, failed } = countsOf(outputFile);
  // A run that fails without a failed test (a crash, an open handle) is a failure all the same.
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, time: seconds(suiteBegan) };
}

function countsOf(outputFile) {
  try {
    const result = JSON.parse(fs.readFileSync(outputFile, 'utf8'));
    return {
      passed: result.numPassedTests,
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    };
  } catch {
    return { passed: 0, failed: 0 };
  }
}

function report() {
  console.log('');
  for (const { name, passed, failed, time } of rows) {
    const outcome = failed === 0 ? 'ok    ' : 'FAILED';
    console.log(
      `${name.padEnd(24)} ${outcome} ${String(passed).padStart(5)} passed ${failed} failed  ${time}`,
    );
  }
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  console.log(`in ${seconds(began)}`);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') === 0 ? 0 : 1;
}

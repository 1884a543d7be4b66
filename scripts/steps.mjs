// Runs commands one after another for check.mjs and test.mjs.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Local tools are started through node itself, so that no shell and no PATH is needed. */
export const TOOLS = {
  prettier: 'node_modules/prettier/bin/prettier.cjs',
  eslint: 'node_modules/eslint/bin/eslint.js',
  tsc: 'node_modules/@typescript/native/bin/tsc',
  jest: 'scripts/jest.mjs',
};

/** Runs a tool of {@link TOOLS} with its output on ours; resolves to its exit code (1 for a signal). */
export function runTool(tool, args, env = process.env) {
  const child = spawn(process.execPath, [TOOLS[tool], ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });
}

export function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

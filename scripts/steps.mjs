// Runs commands one after another for check.mjs and test.mjs.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Local tools are started through node itself, so that no shell and no PATH is needed. */
export const TOOLS = {
  prettier: 'node_modules/prettier/bin/prettier.cjs',
  eslint: 'node_modules/eslint/bin/eslint.js',
  tsc: 'node_modules/@typescript/native/bin/tsc',
  jest: 'scripts/jest.mjs',
};

/**
 * Runs a tool of {@link TOOLS}. Resolves to its exit code (1 for a signal) and, with `isQuiet`, to its output, which
 * otherwise goes to ours. `root` is the tree it works in. `timeoutMs` ends a tool that does not end by itself; that counts as code 1.
 */
export function runTool(tool, args, { env = process.env, isQuiet = false, timeoutMs, root = ROOT } = {}) {
  const child = spawn(process.execPath, [path.join(root, TOOLS[tool]), ...args], {
    cwd: root,
    env,
    stdio: isQuiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  const deadline = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), timeoutMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(deadline);
      resolve({ code: signal === null ? (code ?? 1) : 1, output });
    });
  });
}

export function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

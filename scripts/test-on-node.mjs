// `npm run test:node -- 22 [SUITE ...]`: `npm test` on another version of Node, taken from the npm registry.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from './steps.mjs';

const [version, ...suites] = process.argv.slice(2);
if (version === undefined) {
  console.error('usage: npm run test:node -- VERSION [SUITE ...]');
  process.exit(2);
}
const name = `node-${process.platform}-${process.arch}`;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-node-'));
try {
  process.exitCode = run('npm', ['install', '--prefix', dir, '--ignore-scripts', `${name}@${version}`]);
  if (process.exitCode === 0) process.exitCode = runTests();
} finally {
  fs.rmSync(dir, { recursive: true, force: true });
}

function runTests() {
  const node = path.join(dir, 'node_modules', name, 'bin/node');
  run(node, ['--version']);
  return run(node, [path.join(ROOT, 'scripts/test.mjs'), ...suites]);
}

function run(command, args) {
  return spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1;
}

// Installs the dependencies when they are missing or older than the lock file.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Runs `npm ci` if needed. Exits this process with a sentence when that fails. */
export function ensureInstalled() {
  if (isInstalled()) return;
  console.log('Installing dependencies (npm ci) ...');
  const { status } = spawnSync('npm', ['ci'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  console.error('npm ci failed, see above. It needs the npm registry or a filled npm cache.');
  process.exit(1);
}

/** npm writes this hidden lock file at the end of every install. */
function isInstalled() {
  const installed = path.join(ROOT, 'node_modules/.package-lock.json');
  try {
    return fs.statSync(installed).mtimeMs >= fs.statSync(path.join(ROOT, 'package-lock.json')).mtimeMs;
  } catch {
    return false;
  }
}

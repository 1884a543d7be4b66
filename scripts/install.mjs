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

/** npm writes a hidden lock file at the end of every install: it must hold what package-lock.json asks for. */
function isInstalled() {
  const installed = packagesIn('node_modules/.package-lock.json');
  return Object.entries(packagesIn('package-lock.json')).every(
    ([place, { version, optional, extraneous, link }]) =>
      !place.startsWith('node_modules/') ||
      optional ||
      extraneous ||
      link ||
      installed[place]?.version === version,
  );
}

function packagesIn(lockFile) {
  try {
    return JSON.parse(fs.readFileSync(path.join(ROOT, lockFile), 'utf8')).packages;
  } catch {
    return {};
  }
}

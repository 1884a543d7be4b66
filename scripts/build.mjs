// `npm run build`: compiles, and makes what the packages offer as commands executable. npm does that when it installs,
// but in a fresh clone nothing is built by then, and `npx irmd` would not be permitted.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, runTool } from './steps.mjs';

/** Resolves to the compiler's exit code. */
export async function build() {
  const { code } = await runTool('tsc', ['-b']);
  if (code === 0) for (const command of commands()) fs.chmodSync(command, 0o755);
  return code;
}

/** Files of the workspaces' `bin` entries. */
function commands() {
  const packages = fs.readdirSync(path.join(ROOT, 'packages')).map((name) => path.join('packages', name));
  return [...packages, 'examples'].flatMap((folder) => {
    const manifest = path.join(ROOT, folder, 'package.json');
    const { bin = {} } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
    return Object.values(bin).map((file) => path.join(ROOT, folder, file));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = await build();

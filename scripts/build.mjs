// `npm run build`: compiles, and makes what the packages offer as commands ready for `npx`. npm does that when it
// installs, but only for files that exist, and in a fresh clone nothing is built by then.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, runTool } from './steps.mjs';

const LINKS = path.join(ROOT, 'node_modules/.bin');

/** Resolves to the compiler's exit code. */
export async function build() {
  const { code } = await runTool('tsc', ['-b']);
  if (code !== 0) return code;
  fs.mkdirSync(LINKS, { recursive: true });
  for (const [name, file] of commands()) offer(path.join(LINKS, name), file);
  return code;
}

/** As npm does where links are files of the system; elsewhere it writes scripts, and then `npm install` is needed again. */
function offer(link, file) {
  fs.chmodSync(file, 0o755);
  if (process.platform === 'win32' || fs.existsSync(link)) return;
  fs.rmSync(link, { force: true });
  fs.symlinkSync(path.relative(LINKS, file), link);
}

/** Names and files of the workspaces' `bin` entries. */
function commands() {
  const packages = fs.readdirSync(path.join(ROOT, 'packages')).map((name) => path.join('packages', name));
  return [...packages, 'examples'].flatMap((folder) => {
    const manifest = path.join(ROOT, folder, 'package.json');
    const { bin = {} } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
    return Object.entries(bin).map(([name, file]) => [name, path.join(ROOT, folder, file)]);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = await build();

// A second tree of the repository in which nothing can load koffi: neither tests nor the programs they start.
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './steps.mjs';

const COPIED = [
  'packages',
  'examples',
  'test',
  'scripts',
  'docs',
  'README.md',
  'package.json',
  'jest.config.mjs',
  'tsconfig.base.json',
];

/**
 * Makes the tree in `dir`, from what is built: our own files are copies, since Node resolves a package from where a
 * file really is; other packages are links. `dir` must not be inside of the repository, where Node would find koffi.
 */
export function makeTreeWithoutKoffi(dir) {
  for (const name of COPIED) {
    fs.cpSync(path.join(ROOT, name), path.join(dir, name), { recursive: true, filter: isWanted });
  }
  const modules = path.join(dir, 'node_modules');
  fs.mkdirSync(path.join(modules, '@flowring'), { recursive: true });
  for (const name of fs.readdirSync(path.join(ROOT, 'node_modules'))) {
    if (name.startsWith('.') || ['koffi', '@koromix', '@flowring'].includes(name)) continue;
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name));
  }
  for (const name of fs.readdirSync(path.join(ROOT, 'node_modules/@flowring'))) {
    const target = name === 'examples' ? '../../examples' : `../../packages/${name}`;
    fs.symlinkSync(target, path.join(modules, '@flowring', name));
  }
  // Binaries of packages are links into node_modules of this tree.
  fs.cpSync(path.join(ROOT, 'node_modules/.bin'), path.join(modules, '.bin'), {
    recursive: true,
    verbatimSymlinks: true,
  });
}

function isWanted(source) {
  return !['node_modules', 'results'].includes(path.basename(source));
}

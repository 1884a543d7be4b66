// Node's module hooks: strips the types of .ts files, and takes our packages' sources instead of what was built.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformSync } from '@swc/core';
import { ROOT } from './steps.mjs';

const SWC = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022', keepClassNames: true },
  module: { type: 'es6' },
  sourceMaps: 'inline',
  isModule: true,
};

export function resolve(specifier, context, next) {
  const found = /^@flowring\/([a-z]+)(?:\/([a-z]+))?$/.exec(specifier);
  if (found === null) return next(specifier, context);
  const [, name, part = 'index'] = found;
  return next(pathToFileURL(path.join(ROOT, 'packages', name, 'src', `${part}.ts`)).href, context);
}

export function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const filename = fileURLToPath(url);
  const { code } = transformSync(fs.readFileSync(filename, 'utf8'), {
    ...SWC,
    filename,
    sourceFileName: filename,
  });
  return { format: 'module', source: code, shortCircuit: true };
}

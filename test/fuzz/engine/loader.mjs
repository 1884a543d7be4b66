// Module hooks: our TypeScript runs from its source, and the code under test carries counters.
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformSync } from '@swc/core';
import { instrument } from './instrument.mjs';

/** What is under test: our packages, and the parsers that stand between a peer and them. */
const UNDER_TEST = /\/packages\/[^/]+\/src\/|\/node_modules\/smol-toml\//;
const SWC = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

let root = '';
let nextProbe = 0;

export function initialize(data) {
  root = data.root;
}

export async function resolve(specifier, context, next) {
  const ours = /^@flowring\/([a-z]+)(?:\/([a-z]+))?$/.exec(specifier);
  if (ours === null) return next(specifier, context);
  const url = pathToFileURL(`${root}/packages/${ours[1]}/src/${ours[2] ?? 'index'}.ts`).href;
  return { url, shortCircuit: true };
}

export async function load(url, context, next) {
  const isUnderTest = UNDER_TEST.test(url) && /\.[jt]s$/.test(url);
  if (!isUnderTest && !url.endsWith('.ts')) return next(url, context);
  const file = fileURLToPath(url);
  let source = await readFile(file, 'utf8');
  if (isUnderTest) {
    const made = instrument(source, file, nextProbe);
    nextProbe += made.probes;
    source = made.code;
  }
  if (url.endsWith('.ts')) source = transformSync(source, { ...SWC, filename: file }).code;
  return { format: 'module', source, shortCircuit: true };
}

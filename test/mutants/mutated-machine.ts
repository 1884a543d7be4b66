import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformSync } from '@swc/core';
import type { Machine } from '../sim/machine.ts';
import type { Patch } from './mutant.ts';

const SOURCE = fileURLToPath(new URL('../../packages/frcp/src/', import.meta.url));
const SWC = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } } as const;

/** The source files of the machine, by their path below `packages/frcp/src`. */
export function readSources(): Map<string, string> {
  const names = fs.readdirSync(SOURCE, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.ts')).map((name) => name.replaceAll(path.sep, '/'));
  return new Map(files.map((name) => [name, fs.readFileSync(path.join(SOURCE, name), 'utf8')]));
}

/** Changes the sources. Throws an Error that says what is wrong with a patch that does not fit them. */
export function applyPatches(sources: Map<string, string>, patches: readonly Patch[]): Map<string, string> {
  const patched = new Map(sources);
  for (const { file, find, replace } of patches) {
    const text = patched.get(file);
    if (text === undefined) throw new Error(`there is no packages/frcp/src/${file}`);
    const at = text.indexOf(find);
    if (at < 0) throw new Error(`not in ${file}: ${find}`);
    if (text.includes(find, at + 1)) throw new Error(`more than once in ${file}: ${find}`);
    patched.set(file, text.slice(0, at) + replace + text.slice(at + find.length));
  }
  return patched;
}

/** Strips the types. Throws when it does not parse. */
export function transpile(name: string, text: string): string {
  return transformSync(text, { ...SWC, filename: name }).code.replace(
    /(from\s*["'][^"']+)\.ts(["'])/g,
    '$1.mjs$2',
  );
}

/** Builds the machine with these changes and loads it. */
export async function buildMachine(patches: readonly Patch[]): Promise<Machine> {
  const sources = applyPatches(readSources(), patches);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-mutant-'));
  try {
    for (const [name, text] of sources) {
      const file = path.join(directory, name.replace(/\.ts$/, '.mjs'));
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, transpile(name, text));
    }
    return (await import(pathToFileURL(path.join(directory, 'index.mjs')).href)) as Machine;
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

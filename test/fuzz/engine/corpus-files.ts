import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FuzzTarget } from './target.ts';

const CORPUS = join(import.meta.dirname, '../corpus');
/** The file of inputs kept for their coverage; the others in the folder each hold what once failed. */
const KEPT = 'coverage.hex';

export interface NamedInput {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** All kept inputs of a target: those of its coverage, and each that once failed under the name of its file. */
export function readCorpus(target: FuzzTarget): NamedInput[] {
  const folder = join(CORPUS, target.name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .flatMap((file) =>
      readInputs(join(folder, file)).map((bytes, at) => ({ name: `${file}:${at + 1}`, bytes })),
    );
}

/** The inputs of a file: hex, one a line; `#` begins a comment. */
export function readInputs(file: string): Uint8Array[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => (line === '-' ? new Uint8Array(0) : Uint8Array.from(Buffer.from(line, 'hex'))));
}

/** Replaces the inputs kept for their coverage. */
export function writeCoverage(target: FuzzTarget, inputs: readonly Uint8Array[]): void {
  const lines = inputs.map(hex).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  write(target, KEPT, `${lines.join('\n')}\n`);
}

/** Keeps what failed, in a file named after the failure. Returns the name. */
export function writeFinding(target: FuzzTarget, input: Uint8Array, error: Error): string {
  const words = error.message
    .split('\n')[0]!
    .toLowerCase()
    .replaceAll(/[^a-z]+/g, '-');
  const file = `found-${words.replaceAll(/^-|-$/g, '').slice(0, 60).replace(/-$/, '')}.hex`;
  write(target, file, `# ${error.message.split('\n')[0]!}\n${hex(input)}\n`);
  return file;
}

function write(target: FuzzTarget, file: string, text: string): void {
  const folder = join(CORPUS, target.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), text);
}

function hex(bytes: Uint8Array): string {
  return bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex');
}

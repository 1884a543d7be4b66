import { withoutComments } from './floors.ts';
import type { SourceFile } from './source-files.ts';

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;
const EMPTY_WORDS = /(^|-)(util|utils|helper|helpers|manager|misc|stuff)(-|\.|$)/;

/** File names that are not kebab-case, or say nothing. */
export function badFileName(file: SourceFile): string[] {
  const name = file.path.split('/').at(-1)!;
  if (!KEBAB.test(name)) return [`${file.path} is not kebab-case`];
  return EMPTY_WORDS.test(name) ? [`${file.path} has a name that says nothing`] : [];
}

/** Classes, functions and types whose name says nothing. */
export function emptyNames(file: SourceFile): string[] {
  const pattern = /\b(?:class|interface|type|function)\s+(\w*(?:Utils?|Helpers?|Manager))\b/g;
  return [...withoutComments(file.text).matchAll(pattern)].map((found) => `${file.path}: ${found[1]!}`);
}

/** Markers of unfinished work. */
export function markers(file: SourceFile): string[] {
  return linesWith(file, /\b(TO[D]O|FIX[M]E|X[X]X)\b/);
}

/** Printing from a library. */
export function prints(file: SourceFile): string[] {
  return linesWith({ ...file, text: withoutComments(file.text) }, /\bconsole\.\w+\(/);
}

/** Absolute paths of the machine somebody worked on. */
export function machinePaths(file: SourceFile): string[] {
  return linesWith(file, /(?<![\w.])\/(?:work|root|home\/\w+|Users\/\w+)\/[\w.]/);
}

function linesWith(file: SourceFile, pattern: RegExp): string[] {
  return file.text
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1} ${line.trim()}`] : []));
}

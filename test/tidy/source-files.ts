import fs from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly text: string;
}

const SKIPPED = new Set(['node_modules', 'dist', '.git', 'coverage', 'results']);

/** Files of the repository whose name passes, read. */
export function sourceFiles(isWanted: (relativePath: string) => boolean, under = ''): SourceFile[] {
  const entries = fs.readdirSync(path.join(ROOT, under), { withFileTypes: true });
  return entries.flatMap((entry): SourceFile[] => {
    const relative = under === '' ? entry.name : `${under}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : sourceFiles(isWanted, relative);
    if (!entry.isFile() || !isWanted(relative)) return [];
    return [{ path: relative, text: fs.readFileSync(path.join(ROOT, relative), 'utf8') }];
  });
}

export const isCode = (file: string): boolean => /\.(ts|mjs)$/.test(file);
export const isPackageSource = (file: string): boolean =>
  /^packages\/[^/]+\/src\//.test(file) && isCode(file);
export const isTest = (file: string): boolean => /(^|\/)test\//.test(file);

import path from 'node:path';
import ts from 'typescript';
import type { SourceFile } from './source-files.ts';

/** What a file imports, as written: static, dynamic, re-exported and type-only imports. */
export function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((imported) => imported.fileName);
}

/** `@scope/name` or `name` of a package import; `null` for relative and `node:` ones. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return null;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
}

/** The path a relative import leads to, or `null` for any other. */
export function resolveRelative(fromPath: string, specifier: string): string | null {
  return specifier.startsWith('.') ? path.posix.join(path.posix.dirname(fromPath), specifier) : null;
}

/** Every cycle of relative imports that exists at run time, as the paths on it; type-only imports are erased. */
export function importCycles(files: readonly SourceFile[]): string[][] {
  const edges = new Map(files.map((file) => [file.path, relativeTargets(file)]));
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[][] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      cycles.push([...trail.slice(trail.indexOf(file)), file]);
      return;
    }
    state.set(file, 'open');
    for (const target of edges.get(file) ?? []) visit(target, [...trail, file]);
    state.set(file, 'done');
  };
  for (const file of edges.keys()) visit(file, []);
  return cycles;
}

function relativeTargets(file: SourceFile): string[] {
  const atRunTime = file.text.replaceAll(/^(import|export) type [^;]*? from '[^']*';$/gm, '');
  return importsOf(atRunTime).flatMap((specifier) => resolveRelative(file.path, specifier) ?? []);
}

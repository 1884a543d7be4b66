import { importsOf, packageOf } from './imports.ts';
import type { SourceFile } from './source-files.ts';

export interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Needed without being named in any file: types, and packages other tools load. */
const NAMED_NOWHERE = new Set(['@swc/core', '@types/node', '@types/debug']);
const EXACT = /^(npm:[@\w/.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Versions that are not exact. */
export function loosePins(manifest: Manifest): string[] {
  return Object.entries(allDependencies(manifest))
    .filter(([, version]) => !EXACT.test(version))
    .map(([name, version]) => `${manifest.name}: ${name}@${version}`);
}

/** Dependencies no file names, and imports no dependency covers. */
export function dependencyMismatch(manifest: Manifest, files: readonly SourceFile[]): string[] {
  const declared = Object.keys(allDependencies(manifest));
  const unused = declared
    .filter((name) => !NAMED_NOWHERE.has(name) && !files.some((file) => names(file, name)))
    .map((name) => `${manifest.name} does not use ${name}`);
  const undeclared = files.flatMap((file) =>
    importsOf(file.text)
      .map(packageOf)
      .filter((name) => name !== null && name !== manifest.name && !declared.includes(name))
      .map((name) => `${file.path} imports ${name!}, which ${manifest.name} does not declare`),
  );
  return [...unused, ...undeclared];
}

function names(file: SourceFile, dependency: string): boolean {
  return ["'", '/', '"'].some((end) => file.text.includes(`${dependency}${end}`));
}

function allDependencies(manifest: Manifest): Record<string, string> {
  return { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies };
}

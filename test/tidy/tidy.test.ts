import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ERROR_TABLE, LIMITS, METRICS, TIMES, metricName } from '@flowring/common';
import { ERROR_ADVICE, LIMIT_OUTCOMES, TIME_OUTCOMES } from '../../scripts/docs-advice.mjs';
import { renderErrors, renderLimits, renderMetricsTable } from '../../scripts/docs-tables.mjs';
import { floorViolations, impurities } from './floors.ts';
import { importCycles } from './imports.ts';
import type { Manifest } from './manifests.ts';
import { dependencyMismatch, loosePins } from './manifests.ts';
import { oversize } from './sizes.ts';
import { isCode, isPackageSource, isTest, ROOT, sourceFiles } from './source-files.ts';
import { badFileName, emptyNames, machinePaths, markers, prints } from './wording.ts';

const code = sourceFiles(isCode);
const shipped = code.filter((file) => isPackageSource(file.path) || file.path.startsWith('examples/src/'));
const everything = sourceFiles((file) => file !== 'package-lock.json');
const read = (file: string): string => fs.readFileSync(path.join(ROOT, file), 'utf8');

describe('the floors', () => {
  test('no file imports from a floor above it or deep into another package', () => {
    expect(shipped.flatMap(floorViolations)).toEqual([]);
  });

  test('cores and floors 0 and 1 use no clock, timer, randomness or promise', () => {
    expect(shipped.flatMap(impurities)).toEqual([]);
  });

  test('frcp sees no type of Node', () => {
    const options = (JSON.parse(read('packages/frcp/tsconfig.json')) as { compilerOptions: object })
      .compilerOptions;
    expect(options).toMatchObject({ types: [], lib: ['es2023'] });
  });

  test('no files import each other in a circle', () => {
    expect(importCycles(code)).toEqual([]);
  });

  test('nothing that is shipped imports a test', () => {
    expect(shipped.filter((file) => /from '[^']*\/test\//.test(file.text)).map((file) => file.path)).toEqual(
      [],
    );
  });
});

describe('sizes and names', () => {
  test('every file and function fits its limit', () => {
    expect(code.flatMap(oversize)).toEqual([]);
  });

  test('every file has a kebab-case name that says something', () => {
    expect(code.flatMap(badFileName)).toEqual([]);
  });

  test('no class, type or function has a name that says nothing', () => {
    expect(shipped.flatMap(emptyNames)).toEqual([]);
  });

  test('no marker of unfinished work is left', () => {
    expect(everything.flatMap(markers)).toEqual([]);
  });

  test('libraries print nothing', () => {
    const libraries = shipped.filter((file) => !/^(packages\/[^/]+\/src\/bin|examples)\//.test(file.path));
    expect(libraries.flatMap(prints)).toEqual([]);
  });

  test('no file holds a path of the machine it was written on', () => {
    expect(everything.flatMap(machinePaths)).toEqual([]);
  });
});

describe('the documents', () => {
  test('docs/ERRORS.md equals the error table', () => {
    expect(read('docs/ERRORS.md')).toBe(renderErrors(ERROR_TABLE, ERROR_ADVICE));
  });

  test('docs/LIMITS.md equals the limits and times', () => {
    const rendered = renderLimits({
      limits: LIMITS,
      times: TIMES,
      source: read('packages/common/src/limits.ts'),
      limitOutcomes: LIMIT_OUTCOMES,
      timeOutcomes: TIME_OUTCOMES,
    });
    expect(read('docs/LIMITS.md')).toBe(rendered);
  });

  test('docs/METRICS.md equals the table of metrics', () => {
    expect(read('docs/METRICS.md')).toBe(renderMetricsTable(METRICS, metricName));
  });

  test('advice is given for no error that is gone', () => {
    expect(Object.keys(ERROR_ADVICE).filter((one) => !Object.hasOwn(ERROR_TABLE, one))).toEqual([]);
  });
});

describe('the dependencies', () => {
  const workspaces = [
    ...fs.readdirSync(path.join(ROOT, 'packages')).map((name) => `packages/${name}`),
    'examples',
  ];
  const manifestOf = (folder: string): Manifest =>
    JSON.parse(read(path.posix.join(folder, 'package.json'))) as Manifest;

  test('every version is exact', () => {
    expect([...workspaces, '.'].map(manifestOf).flatMap(loosePins)).toEqual([]);
  });

  test.each(workspaces)('%s declares what it imports and imports what it declares', (folder) => {
    const own = shipped.filter((file) => file.path.startsWith(`${folder}/src/`));
    expect(dependencyMismatch(manifestOf(folder), own)).toEqual([]);
  });

  test('every tool of the root is used', () => {
    const outside = everything.filter(
      (file) => /\.(ts|mjs|json)$/.test(file.path) && !shipped.includes(file),
    );
    const { devDependencies } = manifestOf('.');
    const unused = dependencyMismatch(
      { name: 'flowring', devDependencies: devDependencies! },
      outside.filter((file) => isTest(file.path) || !file.path.endsWith('package.json')),
    ).filter((sentence) => sentence.includes('does not use'));
    expect(unused).toEqual([]);
  });
});

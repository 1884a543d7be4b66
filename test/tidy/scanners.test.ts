// Each scanner must find what it is for: a check that cannot fail protects nothing.
import { describe, expect, test } from '@jest/globals';
import { describe as describeLimit, renderErrors } from '../../scripts/docs-tables.mjs';
import { floorViolations, impurities, withoutComments } from './floors.ts';
import { importCycles, importsOf } from './imports.ts';
import { dependencyMismatch, loosePins } from './manifests.ts';
import { FILE_LINES_MAX, FUNCTION_LINES_MAX, oversize } from './sizes.ts';
import { badFileName, emptyNames, machinePaths, markers, prints } from './wording.ts';

const file = (path: string, text = ''): { path: string; text: string } => ({ path, text });
const importing = (path: string, specifier: string): { path: string; text: string } =>
  file(path, `import { x } from '${specifier}';`);

describe('imports', () => {
  test('static, type-only, dynamic and re-exported imports are all seen', () => {
    const text = `import 'a'; import type { B } from './b.ts'; export * from 'c'; await import('d');`;
    expect(importsOf(text).sort()).toEqual(['./b.ts', 'a', 'c', 'd']);
  });

  test('a circle of files is found', () => {
    const files = [
      importing('p/a.ts', './b.ts'),
      importing('p/b.ts', './c.ts'),
      importing('p/c.ts', './a.ts'),
    ];
    expect(importCycles(files)).toEqual([['p/a.ts', 'p/b.ts', 'p/c.ts', 'p/a.ts']]);
  });

  test('a circle of types alone is none at run time', () => {
    const files = [importing('a.ts', './b.ts'), file('b.ts', `import type { A } from './a.ts';`)];
    expect(importCycles(files)).toEqual([]);
  });
});

describe('floors', () => {
  test.each([
    ['packages/frcp/src/a.ts', '@flowring/common'],
    ['packages/frcp/src/a.ts', 'node:fs'],
    ['packages/common/src/a.ts', 'node:timers'],
    ['packages/common/src/a.ts', '@flowring/control'],
    ['packages/irmd/src/core/a.ts', '@flowring/control'],
    ['packages/irmd/src/core/a.ts', '../adapters/b.ts'],
    ['packages/ipcpd/src/core/a.ts', 'node:net'],
    ['packages/channel/src/shm.ts', '@flowring/libdev'],
    ['packages/libdev/src/a.ts', '@flowring/irmd'],
    ['packages/libdev/src/a.ts', '@flowring/channel/dist/core/ring.js'],
    ['packages/libdev/src/a.ts', '../../channel/src/core/ring.ts'],
    ['packages/irmd/src/adapters/a.ts', '../bin/irmd.ts'],
    ['examples/src/a.ts', '@flowring/channel'],
  ])('%s may not import %s', (path, specifier) => {
    expect(floorViolations(importing(path, specifier))).toHaveLength(1);
  });

  test.each([
    ['packages/frcp/src/a.ts', './b.ts'],
    ['packages/irmd/src/core/a.ts', '@flowring/common'],
    ['packages/irmd/src/adapters/a.ts', '../core/b.ts'],
    ['packages/libdev/src/a.ts', 'node:fs'],
    ['examples/src/a.ts', '@flowring/libdev/posix'],
  ])('%s may import %s', (path, specifier) => {
    expect(floorViolations(importing(path, specifier))).toEqual([]);
  });

  test.each([
    'Date.now()',
    'Math.random()',
    'setTimeout(f, 1)',
    'performance.now()',
    'async () => 1',
    'process.pid',
  ])('a core may not say %s', (text) => {
    expect(impurities(file('packages/irmd/src/core/a.ts', `const a = ${text};`))).toHaveLength(1);
    expect(impurities(file('packages/irmd/src/adapters/a.ts', `const a = ${text};`))).toEqual([]);
  });

  test('comments are not code', () => {
    expect(impurities(file('packages/frcp/src/a.ts', '/** never Date.now() */\n// nor setTimeout'))).toEqual(
      [],
    );
    expect(withoutComments('a /* b\nc */ d')).toBe('a     \n     d');
  });
});

describe('sizes', () => {
  const lines = (count: number): string => 'x;\n'.repeat(count);

  test('a file of one line too many is found', () => {
    expect(oversize(file('a.ts', lines(FILE_LINES_MAX)))).toEqual([]);
    expect(oversize(file('a.ts', lines(FILE_LINES_MAX + 1)))).toHaveLength(1);
  });

  test.each(['function f() {', 'const f = () => {', 'class A { m() {'])('a long "%s" is found', (head) => {
    const tail = head.startsWith('class') ? '}}' : '}';
    expect(oversize(file('a.ts', `${head}\n${lines(FUNCTION_LINES_MAX - 2)}${tail}\n`))).toEqual([]);
    expect(oversize(file('a.ts', `${head}\n${lines(FUNCTION_LINES_MAX - 1)}${tail}\n`))).toHaveLength(1);
  });

  test('a group of tests may be long', () => {
    const text = `describe('a', () => {\n${lines(FUNCTION_LINES_MAX + 10)}});\n`;
    expect(oversize(file('a.test.ts', text))).toEqual([]);
  });
});

describe('wording', () => {
  test.each(['FlowTable.ts', 'flow_table.ts', 'utils.ts', 'flow-helpers.ts', 'manager.test.ts'])(
    'the file name %s is refused',
    (name) => {
      expect(badFileName(file(`a/${name}`))).toHaveLength(1);
    },
  );

  test('a class called Manager is refused', () => {
    expect(emptyNames(file('a.ts', 'export class FlowManager {}'))).toEqual(['a.ts: FlowManager']);
  });

  test('a marker, a print and a machine path are found with their line', () => {
    expect(markers(file('a.ts', `\n// ${'TO'}DO later`))).toHaveLength(1);
    expect(prints(file('a.ts', '\nconsole.log(1);'))).toEqual(['a.ts:2 console.log(1);']);
    expect(machinePaths(file('a.md', `see ${'/ho'}me/someone/notes`))).toHaveLength(1);
  });
});

describe('manifests', () => {
  test('ranges are refused, exact versions and exact aliases pass', () => {
    const dependencies = { a: '^1.0.0', b: '1.x', c: '1.2.3', d: 'npm:@x/y@6.0.2', e: 'latest' };
    expect(loosePins({ name: 'p', dependencies })).toEqual(['p: a@^1.0.0', 'p: b@1.x', 'p: e@latest']);
  });

  test('an unused and an undeclared dependency are found', () => {
    const found = dependencyMismatch({ name: 'p', dependencies: { a: '1.0.0' } }, [importing('x.ts', 'b')]);
    expect(found).toEqual(['p does not use a', 'x.ts imports b, which p does not declare']);
  });
});

describe('documents', () => {
  const row = { errno: 1, category: 'error', retryable: false, message: 'no' };

  test('an error without advice cannot be rendered', () => {
    expect(() => renderErrors({ NEW: row }, {})).toThrow('NEW has no advice');
    expect(renderErrors({ NEW: row }, { NEW: ['meaning', 'action'] })).toContain('What to do: action');
  });

  test('a limit without a doc comment cannot be rendered', () => {
    const source = '/** First, 1\n   * second. */\n  aMax: 1,\n  bMax: 2,';
    expect(describeLimit(source, 'aMax')).toBe('First, 1 second.');
    expect(() => describeLimit(source, 'bMax')).toThrow('bMax has no doc comment');
  });
});

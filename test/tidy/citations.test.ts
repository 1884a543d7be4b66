import { describe, expect, test } from '@jest/globals';
import { citationFaults, citingFiles, readCitations } from '../../scripts/spec-citations.mjs';
import { ROOT } from './source-files.ts';

interface Placed {
  readonly path: string;
  readonly text: string;
}

const faultsOf = (...files: Placed[]): string[] => citationFaults(readCitations(files)) as string[];
const SPEC = { path: 'docs/spec/x.md', text: '- **R-X-01** One.\n- **R-X-02** As R-X-01.' };
const CODE = { path: 'packages/x/src/a.ts', text: '//= R-X-01\nf();\n  //= R-X-02' };
const TEST = { path: 'packages/x/test/a.test.ts', text: '  //= R-X-01' };
const SCRIPT = { path: 'packages/x/test/scripts/a.frcp', text: '== It holds  [R-X-02 C11]' };

describe('the requirements of docs/spec', () => {
  test('are each cited by code and by a test, and nothing else is', () => {
    expect(citationFaults(readCitations(citingFiles(ROOT)))).toEqual([]);
  });
});

describe('the citations', () => {
  test('of code, test and packet script are all seen', () => {
    expect(faultsOf(SPEC, CODE, TEST, SCRIPT)).toEqual([]);
  });

  test('that nobody makes are missed', () => {
    expect(faultsOf(SPEC, CODE, TEST)).toEqual(['no test cites R-X-02']);
    expect(faultsOf(SPEC, TEST, SCRIPT)).toEqual(['no code cites R-X-01', 'no code cites R-X-02']);
  });

  test('of a requirement that was taken out of the spec are found', () => {
    const shorter = { ...SPEC, text: '- **R-X-01** One.' };
    expect(faultsOf(shorter, CODE, TEST)).toEqual([
      'packages/x/src/a.ts:3 names R-X-02, which no spec defines',
    ]);
  });

  test('in passing are no citations', () => {
    const passing = { ...CODE, text: '// see R-X-01\n/** R-X-02 */' };
    expect(faultsOf(SPEC, passing, TEST, SCRIPT)).toEqual(['no code cites R-X-01', 'no code cites R-X-02']);
  });

  test('of a number that is given twice are found', () => {
    expect(faultsOf(SPEC, { ...SPEC, path: 'docs/spec/y.md' }, CODE, TEST, SCRIPT)).toContain(
      'docs/spec/y.md defines R-X-01 twice',
    );
  });
});

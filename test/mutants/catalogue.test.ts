import fs from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { MUTANTS } from './catalogue.ts';
import { hunt } from './hunt.ts';
import { applyPatches, buildMachine, readSources, transpile } from './mutated-machine.ts';

/** Killed by the first few seeds: enough to see that mutants are built and found. */
const QUICK = ['acknowledgement-opens-run', 'run-flag-always', 'copy-delivered', 'no-end-marker'];
const QUICK_SEEDS_MAX = 20;

const spec = fs.readFileSync(new URL('../../docs/spec/frcp.md', import.meta.url), 'utf8');
let sources: Map<string, string>;

beforeAll(() => {
  sources = readSources();
});

describe('the mutants', () => {
  test.each(MUTANTS)('$name fits the source of today', ({ patches }) => {
    const mutated = applyPatches(sources, patches);
    for (const { file } of patches) {
      expect(mutated.get(file)).not.toBe(sources.get(file));
      expect(() => transpile(file, mutated.get(file)!)).not.toThrow();
    }
  });

  test('break requirements that the specification has', () => {
    const unknown = MUTANTS.filter(({ requirement }) => !spec.includes(`**${requirement}**`));
    expect(unknown.map(({ name, requirement }) => `${name}: ${requirement}`)).toEqual([]);
  });

  test('have names of their own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  test('include every failure that was measured of the C prototype and is one of the machine', () => {
    const likes = new Set(MUTANTS.flatMap(({ like = '' }) => like.split(' ')));
    const measured = Array.from({ length: 11 }, (_, n) => `C${n + 1}`);
    expect(measured.filter((name) => !likes.has(name))).toEqual([]);
  });
});

describe('a patch', () => {
  const patch = { file: 'seq.ts', find: 'export function seqDiff', replace: 'export function other' };

  test('that is not found is refused', () => {
    expect(() => applyPatches(sources, [{ ...patch, find: 'no such text' }])).toThrow('not in seq.ts');
  });

  test('that fits twice is refused', () => {
    expect(() => applyPatches(sources, [{ ...patch, find: 'export function' }])).toThrow('more than once');
  });
});

describe('the hunt', () => {
  test.each(QUICK)('finds %s', async (name) => {
    const mutant = MUTANTS.find((one) => one.name === name)!;
    const { kill } = hunt(mutant, await buildMachine(mutant.patches), QUICK_SEEDS_MAX);
    expect(mutant.caughtBy).toContain(kill?.by);
  });

  test('finds nothing in the machine as it is', async () => {
    const { kill } = hunt(MUTANTS[0]!, await buildMachine([]), QUICK_SEEDS_MAX);
    expect(kill).toBeNull();
  });
});

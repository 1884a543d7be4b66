// The engine must find what it is for: a search that cannot find a planted fault shows nothing.
import { describe, expect, test } from '@jest/globals';
import { Fuzzer, kindOf } from './engine/fuzzer.ts';
import { instrument } from './engine/instrument.mjs';
import { HangError, Probes } from './engine/probes.ts';
import type { FuzzTarget } from './engine/target.ts';

interface Planted {
  readonly fuzzer: Fuzzer;
  readonly probes: Probes;
}

/** A fuzzer of `body`, the text of a function of `input`. */
function plant(body: string, seed = 1, isBlind = false): Planted {
  const probes = new Probes();
  (globalThis as Record<string, unknown>)['__fuzz'] = probes;
  const { code } = instrument(`return (input) => {${body}};`, 'planted.js', 0) as { code: string };
  const run = new Function(code)() as (input: Uint8Array) => void;
  const target: FuzzTarget = { name: 'planted', about: '', maxBytes: 32, seeds: [new Uint8Array(8)], run };
  return { fuzzer: new Fuzzer(target, probes, { seed, isBlind }), probes };
}

async function search({ fuzzer }: Planted, bursts: number): Promise<void> {
  await fuzzer.begin([new Uint8Array(8)]);
  for (let n = 0; n < bursts && fuzzer.findings.size === 0; n++) await fuzzer.burst();
}

const STAIRS = `if (input[0] === 0x53) if (input[2] === 0x9a) if (input[4] > 200) if (input[5] === input[6] + 3)
  if (input.length > 12) throw new Error('at the top');`;

describe('the search', () => {
  test('climbs to a fault behind five conditions, and blind it does not', async () => {
    const guided = plant(STAIRS);
    await search(guided, 400);
    expect([...guided.fuzzer.findings.values()].map(({ error }) => error.message)).toEqual(['at the top']);
    const blind = plant(STAIRS, 1, true);
    await search(blind, 400);
    expect(blind.fuzzer.findings.size).toBe(0);
    expect(blind.probes.covered).toBeLessThan(guided.probes.covered);
  });

  test('makes what fails short and plain', async () => {
    const planted = plant(`if (input.includes(0x77)) throw new Error('seen');`);
    await search(planted, 400);
    expect([...planted.fuzzer.findings.values()].map(({ input }) => [...input])).toEqual([[0x77]]);
  });

  test('finds a word that is a literal of the code', async () => {
    const planted = plant(`if (String.fromCharCode(...input).includes('dreieck')) throw new Error('word');`);
    await search(planted, 400);
    expect(planted.fuzzer.findings.size).toBe(1);
  });

  test('calls a loop without end a hang', async () => {
    const planted = plant(`while (input[1] === 9) {}`);
    await search(planted, 400);
    expect([...planted.fuzzer.findings.values()].map(({ error }) => error)).toEqual([expect.any(HangError)]);
  });

  test('makes the same inputs from the same seed', async () => {
    const runs = [plant(STAIRS, 7), plant(STAIRS, 7)];
    for (const one of runs) await search(one, 20);
    const [first, second] = runs.map(({ fuzzer }) => fuzzer.corpus.map(({ bytes }) => [...bytes]));
    expect(first).toEqual(second);
  });

  test('distils the corpus to inputs that reach the same', async () => {
    const planted = plant(`for (const byte of input) if (byte > 9) input.length;`);
    await search(planted, 60);
    const few = await planted.fuzzer.distil();
    expect(few.length).toBeLessThanOrEqual(planted.fuzzer.corpus.length);
    const again = plant(`for (const byte of input) if (byte > 9) input.length;`);
    await again.fuzzer.begin(few);
    expect(again.probes.covered).toBe(planted.probes.covered);
  });

  test('takes failures that differ in numbers only for one', () => {
    expect(kindOf(new Error('at 12 of 30'))).toBe(kindOf(new Error('at 7 of 8')));
    expect(kindOf(new Error('at 12'))).not.toBe(kindOf(new Error('after 12')));
  });
});

describe('the instrumented code', () => {
  const resultOf = (text: string): unknown => {
    const probes = new Probes();
    (globalThis as Record<string, unknown>)['__fuzz'] = probes;
    return new Function((instrument(text, 'x.js', 0) as { code: string }).code)();
  };

  test.each([
    ['if without else', 'let a = 0; if (a) a = 1; if (!a) a = 2; return a;'],
    [
      'else-if chains',
      'const f = (x) => { if (x === 1) return "a"; else if (x === 2) return "b"; else return "c"; }; return [1, 2, 3].map(f);',
    ],
    [
      'dangling else',
      'let r = []; for (const a of [0, 1]) for (const b of [0, 1]) if (a) if (b) r.push(1); else r.push(2); return r;',
    ],
    ['arrows that give objects', 'return [1, 2].map((x) => ({ x }));'],
    ['short circuits', 'return [null ?? 1, 0 || 2, 1 && 3, (0, null)?.a ?? 4];'],
    [
      'assigning short circuits',
      'let a = null; a ??= 5; let b = 0; b ||= 6; let c = 1; c &&= 7; return [a, b, c];',
    ],
    [
      'comparisons inside one another',
      'return [(1 === 1) === true, 1 !== 2 !== false, "a" === "b" || 1 === 1];',
    ],
    [
      'switches that fall through',
      'const f = (x) => { switch (x) { case 1: case 2: return "low"; default: return "high"; } }; return [1, 2, 3].map(f);',
    ],
    [
      'loops of one statement',
      'let n = 0; for (let i = 0; i < 3; i++) n += i; while (n < 9) n++; do n--; while (n > 4); return n;',
    ],
    [
      'generators, getters and private methods',
      'class A { #n = 1; get n() { return this.#up(); } #up() { return ++this.#n; } *all() { yield this.n; } } return [...new A().all()];',
    ],
    ['caught errors', 'try { throw new Error("x"); } catch { return 1; } finally { 2; }'],
  ])('does as before: %s', (_, text) => {
    expect(resultOf(text)).toEqual(new Function(text)());
  });
});

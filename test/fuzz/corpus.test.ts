import { describe, expect, test } from '@jest/globals';
import { readCorpus } from './engine/corpus-files.ts';
import { loadTarget, TARGETS } from './targets.ts';

/** In all; a corpus that grows beyond is distilled: `npm run fuzz -- --target NAME --distil`. */
const CORPUS_MAX_BYTES = 150_000;

describe('the kept inputs of', () => {
  test.each(Object.keys(TARGETS))('%s hold what must hold', async (name) => {
    const target = await loadTarget(name);
    const corpus = readCorpus(target);
    expect(corpus.length).toBeGreaterThan(0);
    const failed: string[] = [];
    for (const { name: input, bytes } of [...target.seeds.map(seedOf), ...corpus]) {
      try {
        await target.run(bytes);
      } catch (error) {
        failed.push(`${input}: ${String(error)}`);
      }
    }
    expect(failed).toEqual([]);
  });

  test('all targets are few and short', async () => {
    let bytes = 0;
    for (const name of Object.keys(TARGETS)) {
      for (const input of readCorpus(await loadTarget(name))) bytes += input.bytes.length;
    }
    expect(bytes).toBeLessThan(CORPUS_MAX_BYTES);
  });
});

function seedOf(bytes: Uint8Array, at: number): { name: string; bytes: Uint8Array } {
  return { name: `seed ${at}`, bytes };
}

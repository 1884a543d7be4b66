import { fc } from '@fast-check/jest';
import { describe, expect, test } from '@jest/globals';
import { isName } from '@flowring/common';
import { bucketOf, holderOf, keyOf } from '../../src/layers/directory/nats-keys.ts';

const name = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter(isName);

describe('keys in NATS', () => {
  test('give back the name and the holder, whatever they are', () => {
    fc.assert(
      fc.property(name, name, (one, peer) =>
        expect(holderOf(keyOf({ name: one, peer }))).toEqual({ name: one, peer }),
      ),
    );
  });

  test('have only characters that NATS allows', () => {
    fc.assert(
      fc.property(name, name, (one, peer) => expect(keyOf({ name: one, peer })).toMatch(/^[\w-]+\.[\w-]+$/)),
    );
  });

  test.each(['', 'a', 'a.b.c', '.', 'YQ.', 'YQ==.YQ', '%.YQ'])('that are not ours are told: %j', (key) => {
    expect(holderOf(key)).toBeNull();
  });

  test('are in a bucket whose name NATS allows, another one for every layer', () => {
    fc.assert(fc.property(name, (layer) => expect(bucketOf(layer)).toMatch(/^[\w-]{1,128}$/)));
    expect(new Set(['a', 'a.', 'a ', 'ä', 'x-'].map(bucketOf)).size).toBe(5);
  });
});

import { describe, expect, test } from '@jest/globals';
import { isName } from '../src/control-values.ts';
import { LIMITS } from '../src/limits.ts';

describe('isName', () => {
  test.each(['a', 'oecho', 'print server/2nd floor', 'écho', '名前', 'x'.repeat(LIMITS.nameMaxBytes)])(
    'takes %p',
    (name) => {
      expect(isName(name)).toBe(true);
    },
  );

  test.each(['', 'a\nb', 'a\u0000', 'a\u007f', 'x'.repeat(LIMITS.nameMaxBytes + 1), null, 7, ['a']])(
    'refuses %p',
    (value) => {
      expect(isName(value)).toBe(false);
    },
  );

  test('counts bytes, not characters', () => {
    expect(isName('é'.repeat(127))).toBe(true);
    expect(isName('é'.repeat(128))).toBe(false);
  });
});

import { afterEach, expect, test } from '@jest/globals';
import { createRequire } from 'node:module';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { crc32, reloadCrc32 } from '../src/adapters/crc32.ts';

const koffi = (): unknown => createRequire(import.meta.url)('koffi');
const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
const PIECES: [number, number][] = [
  [0, 0],
  [3, 12],
  [5, 260],
  [0, 256],
  [1, 65_537],
  [7, 70_000],
];

afterEach(() => {
  reloadCrc32(koffi);
});

test.each(PIECES)('of bytes %d to %d it is what zlib says', (start, end) => {
  expect(crc32(bytes, start, end)).toBe(zlibCrc32(bytes.subarray(start, end)));
});

test.each(PIECES)('without the library, of bytes %d to %d it is the same', (start, end) => {
  reloadCrc32(() => {
    throw new Error('no koffi here');
  });
  expect(crc32(bytes, start, end)).toBe(zlibCrc32(bytes.subarray(start, end)));
});

test('the library has large pieces, and zlib small ones', () => {
  reloadCrc32(() => ({ load: () => ({ func: () => () => 42 }) }));
  expect(crc32(bytes, 0, 256)).toBe(42);
  expect(crc32(bytes, 0, 255)).toBe(zlibCrc32(bytes.subarray(0, 255)));
});

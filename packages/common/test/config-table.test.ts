import { describe, expect, test } from '@jest/globals';
import { fc } from '@fast-check/jest';
import { ConfigTable } from '../src/config-table.ts';
import { parseConfigValues } from '../src/config-values.ts';

const failure = (key: string): unknown =>
  expect.objectContaining({ code: 'FLOWRING_CONFIG', details: expect.objectContaining({ key }) });

describe('a configuration table', () => {
  test('gives the value of a key, or the default', () => {
    const table = new ConfigTable({ port: 1, deep: { text: 'a' } });
    expect(table.integer('port', 0, 9, 5)).toBe(1);
    expect(table.integer('absent', 0, 9, 5)).toBe(5);
    expect(table.table('deep').text('text', '')).toBe('a');
    expect(() => table.noMore()).not.toThrow();
  });

  test.each([[-1], [10], [1.5], ['1'], [true]])('refuses %j for a whole number from 0 to 9', (port) => {
    expect(() => new ConfigTable({ port }, 'layers.net').integer('port', 0, 9, 5)).toThrow(
      failure('layers.net.port'),
    );
  });

  test('refuses a key that nobody reads', () => {
    expect(() => new ConfigTable({ prot: 1 }).noMore()).toThrow(failure('prot'));
  });

  test('gives away what was not read, and names what cannot travel', () => {
    const table = new ConfigTable({ type: 'udp', port: 1 });
    table.text('type', '');
    expect(table.rest()).toEqual({ port: 1 });
    expect(() => table.noMore()).not.toThrow();
    expect(() => new ConfigTable({ at: new Date(0) }, 'layers.net').rest()).toThrow(failure('layers.net.at'));
  });
});

describe('configuration values', () => {
  test.each([
    ['no table', 'x'],
    ['a list', []],
    ['null in it', { a: null }],
    ['a date in it', { a: new Date(0) }],
    ['no finite number', { a: Infinity }],
    ['bytes in it', { a: new Uint8Array(1) }],
    ['a prototype in it', JSON.parse('{"__proto__": {"x": 1}}') as unknown],
    ['too many levels', { a: [[[[[[[[1]]]]]]]] }],
    ['too many bytes', { a: 'x'.repeat(49_152) }],
    ['too many entries', { a: new Array<number>(6_000).fill(1) }],
  ])('are not made of what has %s', (_, value) => {
    expect(parseConfigValues(value)).toBeUndefined();
  });

  test('are a copy equal to what was given', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
    const key = fc.stringMatching(/^[a-z]{1,9}$/);
    const values = fc.dictionary(key, fc.oneof(leaf, fc.array(leaf), fc.dictionary(key, leaf)));
    fc.assert(fc.property(values, (value) => expect(parseConfigValues(value)).toEqual(value)));
  });
});

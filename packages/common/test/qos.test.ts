import { fc, test as fcTest } from '@fast-check/jest';
import { describe, expect, test } from '@jest/globals';
import type { QosCubeName, QosSpec } from '../src/qos.ts';
import { parseQos, QOS_MAX, qosCubes, serviceOf } from '../src/qos.ts';

const CUBES = Object.keys(qosCubes) as QosCubeName[];

describe('the predefined cubes', () => {
  test('have the values of O7s', () => {
    expect(qosCubes).toMatchSnapshot();
  });

  test.each(CUBES)('%s is a valid specification', (cube) => {
    expect(parseQos(qosCubes[cube])).toEqual(qosCubes[cube]);
  });
});

describe('serviceOf', () => {
  test.each([
    ['raw', 'raw'],
    ['rawNoErrors', 'raw'],
    ['bestEffort', 'ordered'],
    ['video', 'ordered'],
    ['voice', 'ordered'],
    ['data', 'reliable'],
  ] as const)('a flow of the cube %s is %s', (cube, service) => {
    expect(serviceOf(qosCubes[cube])).toBe(service);
  });

  test('no loss without order is still raw: FRCP is turned on by inOrder', () => {
    expect(serviceOf({ ...qosCubes.raw, loss: 0 })).toBe('raw');
  });
});

describe('parseQos', () => {
  const fields = Object.keys(qosCubes.raw) as (keyof QosSpec)[];

  test.each(fields)('needs %s', (field) => {
    const { [field]: _, ...rest } = qosCubes.raw as QosSpec;
    expect(parseQos(rest)).toBeNull();
  });

  test.each(fields)('refuses %s when it is negative, broken, too large or no number', (field) => {
    for (const value of [-1, 1.5, Number.NaN, Infinity, 2 ** 60, '1', null, 1n]) {
      expect(parseQos({ ...qosCubes.raw, [field]: value })).toBeNull();
    }
  });

  test('takes each field at its largest value', () => {
    expect(parseQos({ ...qosCubes.raw, delay: QOS_MAX, availability: 255, inOrder: 1 })).not.toBeNull();
    expect(parseQos({ ...qosCubes.raw, availability: 256 })).toBeNull();
    expect(parseQos({ ...qosCubes.raw, inOrder: 2 })).toBeNull();
  });

  test('drops fields it does not know', () => {
    expect(parseQos({ ...qosCubes.raw, extra: 1 })).toEqual(qosCubes.raw);
  });

  fcTest.prop([fc.anything()])('never throws', (value) => {
    parseQos(value);
  });
});

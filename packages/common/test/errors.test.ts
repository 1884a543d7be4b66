import { describe, expect, test } from '@jest/globals';
import type { ErrorCode } from '../src/errors.ts';
import {
  codeOfErrno,
  ERROR_TABLE,
  errnoOf,
  FlowringError,
  isFlowringError,
  toErrorCode,
} from '../src/errors.ts';

const CODES = Object.keys(ERROR_TABLE) as ErrorCode[];

describe('the error table', () => {
  test('gives every code a number of its own', () => {
    expect(new Set(CODES.map(errnoOf)).size).toBe(CODES.length);
  });

  test('keeps the numbers of O7s from 1000 to 1009', () => {
    const o7s = CODES.filter((code) => errnoOf(code) >= 1000 && errnoOf(code) < 1100);
    expect(o7s.map(errnoOf)).toEqual([1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009]);
  });

  test('numbers that travel never change', () => {
    expect(Object.fromEntries(CODES.map((code) => [code, errnoOf(code)]))).toMatchSnapshot();
  });

  test.each(CODES)('%s survives the way through its number', (code) => {
    expect(codeOfErrno(errnoOf(code))).toBe(code);
  });

  test('an unknown number and an unknown text become FLOWRING_UNKNOWN_CODE', () => {
    expect(codeOfErrno(424_242)).toBe('FLOWRING_UNKNOWN_CODE');
    expect(toErrorCode('FLOWRING_NEXT_YEAR')).toBe('FLOWRING_UNKNOWN_CODE');
  });

  test('a name every object inherits is no code', () => {
    expect(toErrorCode('__proto__')).toBe('FLOWRING_UNKNOWN_CODE');
    expect(toErrorCode('toString')).toBe('FLOWRING_UNKNOWN_CODE');
  });
});

describe('FlowringError', () => {
  test('takes its fields from the table', () => {
    const error = new FlowringError('FLOWRING_TIMEOUT');
    expect(error).toMatchObject({ code: 'FLOWRING_TIMEOUT', errno: 110, retryable: true, category: 'error' });
    expect(error.message).toBe('timed out');
    expect(error.details).toEqual({});
  });

  test('takes a message, details and a cause of the caller', () => {
    const cause = new Error('why');
    const options = { message: 'no oecho', details: { name: 'oecho' }, cause };
    expect(new FlowringError('FLOWRING_NAME_UNKNOWN', options)).toMatchObject(options);
  });

  test('has no cause when none was given', () => {
    expect('cause' in new FlowringError('FLOWRING_TIMEOUT')).toBe(false);
  });
});

describe('isFlowringError', () => {
  test('knows the error of another copy of the package by its brand', () => {
    const foreign = Object.assign(new Error('x'), {
      [Symbol.for('flowring.error')]: true,
      code: 'FLOWRING_TIMEOUT',
    });
    expect(isFlowringError(foreign)).toBe(true);
    expect(isFlowringError(foreign, 'FLOWRING_TIMEOUT')).toBe(true);
    expect(isFlowringError(foreign, 'FLOWRING_ABORTED')).toBe(false);
  });

  test.each([null, undefined, 7, 'FLOWRING_TIMEOUT', new Error('x'), { code: 'FLOWRING_TIMEOUT' }])(
    'refuses %p',
    (value) => {
      expect(isFlowringError(value)).toBe(false);
    },
  );
});

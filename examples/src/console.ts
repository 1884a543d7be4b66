import { InvalidArgumentError } from 'commander';
import type { QosCubeName } from '@flowring/libdev';
import { isFlowringError } from '@flowring/libdev';

/** A function that prints a line, with the time of day in front if wanted. */
export function say(withTime: boolean): (line: string) => void {
  return (line) => {
    const nowMs = performance.timeOrigin + performance.now();
    console.log(withTime ? `[${(nowMs / 1_000).toFixed(6)}] ${line}` : line);
  };
}

/** Prints what went wrong, in one line for errors of Flowring and of the system, and ends with code 1. */
export function failWith(error: unknown): void {
  const isSystemError = error instanceof Error && 'syscall' in error && 'code' in error;
  console.error(isFlowringError(error) || isSystemError ? `${String(error.code)}: ${error.message}` : error);
  process.exitCode = 1;
}

export function milliseconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('A whole number of ms, please.');
  return value;
}

/** `10ms`, `1.5s`, `2m`, `1h`, `1d`; a bare number is in `bareUnit`. In ms. */
export function duration(bareUnit: 'ms' | 's'): (text: string) => number {
  return (text) => {
    const [, number, unit = bareUnit] = /^(\d+(?:\.\d+)?)([a-z]*)$/.exec(text) ?? [];
    const factor = UNIT_MS[unit === '' ? bareUnit : unit];
    if (number === undefined || factor === undefined) {
      throw new InvalidArgumentError(`Unknown time: ${text}. Units are ms, s, m, h, d.`);
    }
    return Number(number) * factor;
  };
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`A whole number from ${min} to ${max}, please.`);
    }
    return value;
  };
}

/** The names O7s's tools know, and the cubes they stand for. */
export function qosByName(text: string): QosCubeName {
  const cube = QOS_NAMES[text];
  if (cube === undefined) {
    throw new InvalidArgumentError(`Unknown QoS. Known: ${Object.keys(QOS_NAMES).join(', ')}.`);
  }
  return cube;
}

const QOS_NAMES: Readonly<Record<string, QosCubeName>> = {
  raw: 'raw',
  best: 'bestEffort',
  video: 'video',
  voice: 'voice',
  data: 'data',
};

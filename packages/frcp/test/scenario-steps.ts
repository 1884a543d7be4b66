import { expect } from '@jest/globals';
import { decodePci, newPci, type Pci } from '../src/pci.ts';
import { message, type Pair, type End } from './pair.ts';

export const MS = 1_000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
/** R of the C prototype, where a scenario compares with it. */
export const R120 = { rUs: 120 * SECOND };

export function pciOf(pdu: Uint8Array): Pci {
  const pci = newPci();
  expect(decodePci(pdu, 0, pdu.length, pci)).toBe(true);
  return pci;
}

export function write(pair: Pair, end: End, from: number, count: number, bytes = 16): void {
  for (let n = 0; n < count; n++) expect(pair.write(end, message(from + n, bytes))).toBe('queued');
}

export function arrives(pair: Pair, end: End, count: number, forUs: number): void {
  pair.run(forUs, () => end.delivered.length >= count);
  expect(end.delivered.length).toBe(count);
}

export function sendOf(end: End): Record<string, number> {
  return end.conn.inspect()['send'] as Record<string, number>;
}

/** Everything `end` sends from now on. */
export function capture(pair: Pair, end: End): Pci[] {
  const seen: Pci[] = [];
  pair.trace = (from, _now, pdu) => {
    if (from === end.side) seen.push(pciOf(pdu));
  };
  return seen;
}

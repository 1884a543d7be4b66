import { randomBytes } from 'node:crypto';

/** 32 bits that nobody can guess, for the cores. */
export function randomU32(): number {
  return randomBytes(4).readUInt32BE();
}

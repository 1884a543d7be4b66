import { RING_HEADER_BYTES } from '../core/ring.ts';

/** Layout of a ring file: a page of header (magic, version, ring size, two directions), ring of a, ring of b. */
export const PAGE_BYTES = 4_096;
export const RING_FILE_MAGIC = 0x676e_6972;
export const RING_FILE_VERSION = 1;
const RING_MIN_BYTES = 4_096;
const RING_MAX_BYTES = 1 << 28;

/** Header words of the direction written by side a, and by side b, bytes. */
export const DIRECTION_AT = { a: RING_HEADER_BYTES, b: 2 * RING_HEADER_BYTES } as const;

export function ringAt(side: 'a' | 'b', ringBytes: number): number {
  return side === 'a' ? PAGE_BYTES : PAGE_BYTES + ringBytes;
}

export function ringFileBytes(ringBytes: number): number {
  return PAGE_BYTES + 2 * ringBytes;
}

export function isRingSize(bytes: number): boolean {
  return bytes >= RING_MIN_BYTES && bytes <= RING_MAX_BYTES && (bytes & (bytes - 1)) === 0;
}

/** The first words of the file. */
export function ringFileHead(ringBytes: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(RING_FILE_MAGIC, RING_FILE_VERSION, ringBytes).buffer);
}

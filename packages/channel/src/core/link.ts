import type { SlabUse } from '../channel.ts';

/** Private memory records were copied to. Its bytes are not written again while a receiver wants any of them. */
export interface Slab extends SlabUse {
  readonly buffer: Buffer;
  /** The same memory, for headers. */
  readonly words: Int32Array;
}

export function createSlab(bytes: number): Slab {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  return { buffer, words: new Int32Array(buffer.buffer, 0, bytes >> 2), isKept: false, claims: 0 };
}

/**
 * Where a mux writes its records: a ring, or the output batch of a stream. A reservation that is not committed
 * is void; a shorter commit than the reservation is fine.
 */
export interface Link {
  /** Largest payload of one record, bytes. */
  readonly recordMaxBytes: number;
  /** The memory `reserve` points into; both may change with each `reserve`. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Offset of `bytes` at which a record of so many bytes may be written, or -1: no room, a turn follows when there is. */
  reserve(bytes: number): number;
  /** Publishes the record written at the offset reserved last. `bytes` as from `recordBytes`. */
  commit(bytes: number): void;
}

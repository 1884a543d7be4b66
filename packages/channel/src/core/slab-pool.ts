import type { Slab } from './link.ts';
import { createSlab } from './link.ts';

/** Bytes of one slab; who keeps a view of a message keeps so much memory at most, or one larger message. */
export const SLAB_BYTES = 65_536;

/**
 * Hands out pieces of slabs in order: a message costs no allocation, a slab is one for many messages. One pool
 * serves all channels of a process.
 */
export class SlabPool {
  /** The slab of the piece taken last. */
  slab: Slab = createSlab(SLAB_BYTES);
  #used = 0;

  /** The offset in {@link slab} of a fresh piece, 8-byte aligned. `bytes` is a multiple of 8. */
  take(bytes: number): number {
    if (SLAB_BYTES - this.#used < bytes) {
      this.slab = createSlab(Math.max(SLAB_BYTES, bytes));
      this.#used = 0;
    }
    const at = this.#used;
    // A larger slab serves one piece: the next take starts a new one.
    this.#used += bytes;
    return at;
  }
}

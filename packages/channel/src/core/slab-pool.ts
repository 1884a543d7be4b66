import type { Slab } from './link.ts';
import { createSlab } from './link.ts';

/**
 * Bytes of one slab: one message of 64 KiB or four of 16 KiB with their headers. Who keeps a view of a message keeps so
 * much memory at most, or one larger message.
 */
export const SLAB_BYTES = 67_584;
/** Full slabs that are looked at again before a new one is made: what a few turns take in. */
const FULL_SLABS_MAX = 16;

/**
 * Hands out pieces of slabs in order: a message costs no allocation, a slab is one for many messages, and it is written
 * again when its receivers say that they keep nothing of it. One pool serves all channels of a process.
 */
export class SlabPool {
  /** The slab of the piece taken last. */
  slab: Slab = createSlab(SLAB_BYTES);
  readonly #slabMade: (bytes: number) => void;
  #used = 0;
  /** Of the common size and not known to be kept, oldest first. */
  readonly #full: Slab[] = [];

  /** Bytes of the largest piece that {@link slab} still holds. */
  get roomBytes(): number {
    return Math.max(SLAB_BYTES - this.#used, 0);
  }

  /** `slabMade` hears of the bytes of every slab that is made after the first. */
  constructor(slabMade: (bytes: number) => void = () => undefined) {
    this.#slabMade = slabMade;
  }

  /** The offset in {@link slab} of a fresh piece, 8-byte aligned. `bytes` is a multiple of 8. */
  take(bytes: number): number {
    if (SLAB_BYTES - this.#used < bytes) {
      this.#retire(this.slab);
      this.slab =
        (bytes > SLAB_BYTES ? undefined : this.#reusable()) ?? this.#make(Math.max(bytes, SLAB_BYTES));
      this.#used = 0;
    }
    const at = this.#used;
    // A larger slab serves one piece: the next take starts a new one.
    this.#used += bytes;
    return at;
  }

  #make(bytes: number): Slab {
    this.#slabMade(bytes);
    return createSlab(bytes);
  }

  #retire(slab: Slab): void {
    if (slab.isKept || slab.buffer.length !== SLAB_BYTES) return;
    if (this.#full.length === FULL_SLABS_MAX) this.#full.shift();
    this.#full.push(slab);
  }

  /** A full slab that nobody wants any more; those that are kept by now are let go. */
  #reusable(): Slab | undefined {
    const full = this.#full;
    for (let i = 0; i < full.length; i++) {
      const slab = full[i]!;
      if (slab.isKept) full.splice(i--, 1);
      else if (slab.claims === 0) return full.splice(i, 1)[0];
    }
    return undefined;
  }
}

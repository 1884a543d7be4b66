import { LIMITS } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';

/** How long the id of a request is remembered: beyond what its stamp allows, by the longest a copy may live. */
export const SEEN_MEMORY_US: DurationUs = 60_000_000;

/** Ids of the requests that came, so that a copy is known for one. Full means full: none is forgotten early. */
export class SeenRequests {
  /** In the order they came, which is the order they leave. */
  readonly #untilUs = new Map<string, InstantUs>();

  get size(): number {
    return this.#untilUs.size;
  }

  /** Takes note of an id. `copy`: it was there; `full`: at `LIMITS.requestsSeenMax`. */
  note(id: Uint8Array, nowUs: InstantUs): 'new' | 'copy' | 'full' {
    const key = String.fromCharCode(...id);
    if (this.#untilUs.has(key)) return 'copy';
    if (this.#untilUs.size >= LIMITS.requestsSeenMax) return 'full';
    this.#untilUs.set(key, nowUs + SEEN_MEMORY_US);
    return 'new';
  }

  expire(nowUs: InstantUs): void {
    for (const [key, untilUs] of this.#untilUs) {
      if (untilUs > nowUs) return;
      this.#untilUs.delete(key);
    }
  }

  /** When the next id may be forgotten; `null` when there is none. */
  nextExpiryUs(): InstantUs | null {
    for (const untilUs of this.#untilUs.values()) return untilUs;
    return null;
  }
}

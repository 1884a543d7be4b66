import { errnoOf, LIMITS } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { FaFlow } from './fa-flow.ts';

/**
 * The endpoint ids of this IPCP: those in use, and those resting after their flow ended. A resting EID is not
 * given out again and remembers why its flow ended, so that a late packet gets the true reason.
 */
export class EidTable<T extends { readonly sEid: number } = FaFlow> {
  readonly #flows = new Map<number, T>();
  readonly #resting = new Map<number, { readonly untilUs: InstantUs; readonly errno: number }>();
  readonly #random: () => number;
  readonly #traits: { readonly quarantineUs: DurationUs };

  constructor(random: () => number, traits: { readonly quarantineUs: DurationUs }) {
    this.#random = random;
    this.#traits = traits;
  }

  get inUse(): number {
    return this.#flows.size;
  }

  get resting(): number {
    return this.#resting.size;
  }

  /** Whether another EID may be given out: false at `flowsMax`, or when too many rest. */
  get hasRoom(): boolean {
    return this.#flows.size < LIMITS.flowsMax && this.#resting.size < LIMITS.eidsRestingMax;
  }

  /** A random EID that is neither in use nor resting; never 0. */
  draw(): number {
    for (;;) {
      const eid = this.#random() >>> 0;
      if (eid !== 0 && !this.#flows.has(eid) && !this.#resting.has(eid)) return eid;
    }
  }

  use(flow: T): void {
    this.#flows.set(flow.sEid, flow);
  }

  get(eid: number): T | undefined {
    return this.#flows.get(eid);
  }

  /** Ends the use of an EID. Idempotent. */
  retire(eid: number, errno: number, nowUs: InstantUs): void {
    if (!this.#flows.delete(eid) || this.#traits.quarantineUs === 0) return;
    this.#resting.set(eid, { untilUs: nowUs + this.#traits.quarantineUs, errno });
  }

  /** Why the flow of an EID ended, as far as we know: an errno; `FLOWRING_PEER_GONE` when we do not. */
  endOf(eid: number): number {
    return this.#resting.get(eid)?.errno ?? errnoOf('FLOWRING_PEER_GONE');
  }

  /** Lets go of EIDs that have rested long enough. All rest equally long, so they leave in order. */
  expire(nowUs: InstantUs): void {
    for (const [eid, rest] of this.#resting) {
      if (rest.untilUs > nowUs) return;
      this.#resting.delete(eid);
    }
  }

  /** When the next EID has rested; `null` when none rests. */
  nextExpiryUs(): InstantUs | null {
    for (const rest of this.#resting.values()) return rest.untilUs;
    return null;
  }
}

import type { DurationUs } from './time.ts';

export interface RtoBounds {
  readonly rtoInitialUs: DurationUs;
  readonly rtoMinUs: DurationUs;
  readonly rtoSoftMaxUs: DurationUs;
  readonly rtoMaxUs: DurationUs;
  readonly aUs: DurationUs;
}

/** Both ends' clocks show whole microseconds: so much longer may a round trip be than it seems (G of RFC 6298). */
export const CLOCK_STEPS_US = 2;

/** Smoothed round-trip time and retransmission timeout (RFC 6298), us. */
export class RttEstimator {
  srttUs = NaN;
  rttvarUs = NaN;
  minUs = Infinity;
  /** Timeouts since the last sample: each doubles the timeout. */
  backoff = 0;

  /** Takes a sample that is certain. It ends the doubling: progress made by a copy does not (RFC 6298 5, Karn). */
  sample(rttUs: DurationUs): void {
    this.backoff = 0;
    if (rttUs < this.minUs) this.minUs = rttUs;
    if (this.srttUs !== this.srttUs) {
      this.srttUs = rttUs;
      this.rttvarUs = rttUs / 2;
      return;
    }
    const error = rttUs - this.srttUs;
    this.rttvarUs += (Math.abs(error) - this.rttvarUs) / 4;
    this.srttUs += error / 8;
  }

  /** Forgets the path (the flow moved to another lower flow). */
  reset(): void {
    this.srttUs = NaN;
    this.rttvarUs = NaN;
    this.minUs = Infinity;
    this.backoff = 0;
  }

  /**
   * SRTT + max(G, 4 RTTVAR) + A, doubled once per timeout since the last sample. A is added because the peer may keep
   * an acknowledgement back for so long (RFC 9002 5.3 does the same). The whole stops at `rtoSoftMaxUs`, or at two
   * times the shortest round trip (at least G) plus A on a slow path, and in any case at `rtoMaxUs`. The shortest, because
   * lost acknowledgements make samples long and never short.
   */
  //= R-FRCP-42
  rtoUs(bounds: RtoBounds): DurationUs {
    const fresh = this.srttUs !== this.srttUs;
    const path = fresh ? bounds.rtoInitialUs : this.srttUs + Math.max(CLOCK_STEPS_US, 4 * this.rttvarUs);
    const base = Math.max(bounds.rtoMinUs, path + bounds.aUs);
    const twice = (this.minUs === Infinity ? bounds.rtoInitialUs : this.minUs) * 2;
    const slowPath = Math.max(CLOCK_STEPS_US, twice) + bounds.aUs;
    const doubled = Math.min(base * 2 ** Math.min(this.backoff, 24), Math.max(bounds.rtoSoftMaxUs, slowPath));
    return Math.ceil(Math.min(doubled, bounds.rtoMaxUs));
  }
}

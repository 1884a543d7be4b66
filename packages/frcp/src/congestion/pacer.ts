import type { DurationUs, InstantUs } from '../time.ts';

/** PDUs due within so long leave together: a timer is no finer. */
export const QUANTUM_US = 1_000;
/** A timer so late is made up for by sending more at once. Node is late by 1 to 5 ms. */
const LATENESS_MAX_US = 10_000;
/** Most PDUs that leave together after a pause (RFC 9002 7.7). */
const BURST_PDUS = 10;

/** Spreads PDUs over the round trip: a clock that runs on by what each costs at the rate. */
//= R-FRCP-106
export class Pacer {
  /** When the clock has caught up with what was sent. */
  nextAt: InstantUs = 0;
  /** A PDU had to wait: if its turn comes late, that is the timer's fault. */
  private waited = false;

  /** Whether a PDU may leave now; else at `nextAt`. */
  allows(now: InstantUs): boolean {
    if (this.nextAt <= now + QUANTUM_US) return true;
    this.waited = true;
    return false;
  }

  /** A PDU left that takes so long at the rate. */
  onSent(now: InstantUs, costUs: DurationUs): void {
    if (!this.waited || now - this.nextAt > LATENESS_MAX_US) {
      this.waited = false;
      this.nextAt = Math.max(this.nextAt, now - BURST_PDUS * costUs);
    }
    // What left out of turn (a tail probe) does not add up: the next turn is at most one PDU away.
    this.nextAt = Math.min(this.nextAt, now + QUANTUM_US) + costUs;
  }

  reset(): void {
    this.nextAt = 0;
    this.waited = false;
  }
}

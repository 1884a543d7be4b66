import type { InstantUs } from './time.ts';

/** When a timer is not set. */
export const NEVER: InstantUs = Infinity;

/**
 * The deadlines of one connection. Sender and receiver timer are compared lazily with the time of the next input
 * and so are no deadlines: an idle flow arms nothing.
 */
export class TimerTable {
  /** Retransmission, final probe and give-up of the oldest unacknowledged PDU. */
  rtxAt: InstantUs = NEVER;
  /** A PDU counts as lost now, unless it was acknowledged: reordering has had its time. */
  reorderAt: InstantUs = NEVER;
  /** A received PDU has waited A for its acknowledgement. */
  ackAt: InstantUs = NEVER;
  /** The window is closed: ask. */
  rendezvousAt: InstantUs = NEVER;
  /** Buffers of an idle flow go back. */
  releaseAt: InstantUs = NEVER;
  /** The remnant of a closed connection has answered the last possible copy. */
  lingerAt: InstantUs = NEVER;

  next(): InstantUs {
    return Math.min(this.rtxAt, this.reorderAt, this.ackAt, this.rendezvousAt, this.releaseAt, this.lingerAt);
  }

  /** Nothing is due any more but what the caller sets next. */
  clear(): void {
    this.rtxAt = this.reorderAt = this.ackAt = this.rendezvousAt = this.releaseAt = this.lingerAt = NEVER;
  }
}

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
  /** The next PDU may leave: pacing. */
  paceAt: InstantUs = NEVER;
  /** A received PDU has waited A for its acknowledgement. */
  ackAt: InstantUs = NEVER;
  /** The window is closed: ask. */
  rendezvousAt: InstantUs = NEVER;
  /** A window that was closed is told again: its peer may never ask (other wire formats). */
  windowAt: InstantUs = NEVER;
  /** Buffers of an idle flow go back. */
  releaseAt: InstantUs = NEVER;
  /** The remnant of a closed connection has answered the last possible copy. */
  lingerAt: InstantUs = NEVER;

  next(): InstantUs {
    const { rtxAt, reorderAt, paceAt, ackAt, rendezvousAt, windowAt, releaseAt, lingerAt } = this;
    return Math.min(rtxAt, reorderAt, paceAt, ackAt, rendezvousAt, windowAt, releaseAt, lingerAt);
  }

  /** Nothing is due any more but what the caller sets next. */
  clear(): void {
    this.rtxAt = this.reorderAt = this.paceAt = this.windowAt = NEVER;
    this.ackAt = this.rendezvousAt = this.releaseAt = this.lingerAt = NEVER;
  }
}

import type { DurationUs, InstantUs } from '../time.ts';

/**
 * The slot for a congestion control algorithm: how large the window is. When PDUs leave within it, what happens in
 * recovery and when it was wrong to shrink are CongestionControl's. Bytes count with headers; indexes are
 * those of SendWindow. Nothing here may allocate in steady state.
 */
export interface CongestionPolicy {
  readonly name: string;
  /** Most bytes under way. */
  cwndBytes: number;
  /** Below it the window grows by what is acknowledged; `Infinity` until the first congestion. */
  ssthreshBytes: number;

  /** A round trip was measured. `una`: all before it is acknowledged; `nxt`: next to be sent. */
  onRtt(rttUs: DurationUs, una: number, nxt: number): void;
  /** So many bytes arrived while the window was what bounded the sender. */
  onAcked(now: InstantUs, bytes: number, srttUs: DurationUs): void;
  /**
   * Loss, at most once in a round trip: sets `ssthreshBytes`; the window follows as recovery goes on. `isQueued`: much
   * of the window waited in queues, so that one of them may have overflowed.
   */
  onCongestion(isQueued: boolean): void;
  /** A timeout; `first`: none came before without progress. */
  onTimeout(first: boolean): void;
  /** Nothing was sent for so long. */
  onIdle(idleUs: DurationUs, rtoUs: DurationUs): void;
  /** Remembers the state before a congestion or timeout, for `restore`. */
  save(): void;
  /** It was none: back to what was saved. */
  restore(now: InstantUs): void;
  /** Another path, with this largest PDU. */
  reset(pduMaxBytes: number): void;
  /** The same path, with this largest PDU. */
  resize(pduMaxBytes: number): void;
  inspect(): Readonly<Record<string, unknown>>;
}

/** Largest window after a start, ten PDUs (RFC 6928, in the bytes of RFC 9002 7.2). */
//= R-FRCP-101
export function initialWindowBytes(pduMaxBytes: number): number {
  return Math.min(10 * pduMaxBytes, Math.max(2 * pduMaxBytes, 14_720));
}

/** Smallest window (RFC 9002 7.2). */
export function minimumWindowBytes(pduMaxBytes: number): number {
  return 2 * pduMaxBytes;
}

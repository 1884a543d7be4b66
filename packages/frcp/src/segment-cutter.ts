import type { FrcpTimes } from './params.ts';
import { SEGMENT_BYTES, SEGMENT_UNIT_BYTES } from './pci.ts';

/**
 * Sends PDUs that are larger than the lower flow takes, in segments. Exists from a move to smaller PDUs until the
 * last PDU sent before it is acknowledged. One PDU at a time, from its first byte to its last: a timeout in between
 * begins nothing anew, so every pass reaches the end however slowly segments may leave.
 */
//= R-FRCP-73
export class SegmentCutter {
  /** The first index that was never sent before the move. */
  readonly until: number;
  private index = 0;
  /** First byte of the segment after the one that leaves next; 0: no PDU is under way. */
  private next = 0;
  private readonly maxBytes: number;

  constructor(until: number, times: FrcpTimes) {
    this.until = until;
    this.maxBytes = (times.payloadMaxBytes - SEGMENT_BYTES) & -SEGMENT_UNIT_BYTES;
  }

  /** The index of the PDU under way, or `fallback`. */
  underWay(fallback: number): number {
    return this.next === 0 ? fallback : this.index;
  }

  get isUnderWay(): boolean {
    return this.next > 0;
  }

  /** Nobody needs the rest of the PDU under way. */
  stop(): void {
    this.next = 0;
  }

  /** First byte of the segment to send now of a PDU of so many bytes. */
  startOf(index: number): number {
    return this.next > 0 && this.index === index ? this.next : 0;
  }

  /** Takes the segment from `start` as sent; returns its length. */
  cut(index: number, start: number, pduBytes: number): number {
    const bytes = Math.min(this.maxBytes, pduBytes - start);
    this.index = index;
    this.next = start + bytes < pduBytes ? start + bytes : 0;
    return bytes;
  }
}

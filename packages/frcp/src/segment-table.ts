import type { Pci } from './pci.ts';
import type { SendRing } from './send-ring.ts';

/**
 * Which pieces in the send window are segments of which PDU, from a move to a smaller MTU until the last PDU sent before
 * it is acknowledged. A piece has an index of its own, and so is sent, lost, found and sent again like any PDU; only the
 * wire knows it by the number of its PDU and an offset.
 */
export class SegmentTable {
  /** Number of the first PDU. */
  private readonly first: number;
  /** Index of the first piece of each PDU, and one past the last piece of all. */
  private readonly starts: Int32Array;

  constructor(first: number, starts: Int32Array) {
    this.first = first;
    this.starts = starts;
  }

  private get pdus(): number {
    return this.starts.length - 1;
  }

  /** One past the last piece. */
  get until(): number {
    return this.starts[this.pdus]!;
  }

  covers(index: number): boolean {
    return ((index - this.until) | 0) < 0;
  }

  numberOf(index: number): number {
    return (this.first + this.pduOf(index)) | 0;
  }

  /** Index of the first piece of the PDU with this number; all behind the last one are whole. */
  indexOf(number: number): number {
    const pdu = (number - this.first) | 0;
    if (pdu < 0) return (this.starts[0]! + pdu) | 0;
    return pdu <= this.pdus ? this.starts[pdu]! : (this.until + pdu - this.pdus) | 0;
  }

  /** Index of the piece that starts at `offset` of a PDU; within a piece, of this one, or the next if `up`. */
  indexAt(number: number, offset: number, up: boolean, ring: SendRing): number {
    let low = this.indexOf(number);
    if (offset === 0) return low;
    const pos = ring.posOf(low);
    let pieces = this.covers(low) ? (this.indexOf((number + 1) | 0) - low) | 0 : 1;
    while (pieces > 1) {
      const half = pieces >>> 1;
      const isBefore = ((ring.posOf((low + half) | 0) - pos) | 0) <= offset;
      if (isBefore) low = (low + half) | 0;
      pieces = isBefore ? pieces - half : half;
    }
    const isStart = ((ring.posOf(low) - pos) | 0) === offset;
    return up && !isStart ? (low + 1) | 0 : low;
  }

  private pduOf(index: number): number {
    let low = 0;
    let high = this.pdus;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (((this.starts[middle]! - index) | 0) <= 0) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Number, flags, and of a segment offset and PDU size. True for a segment. */
  //= R-FRCP-71
  stamp(index: number, pci: Pci, ring: SendRing): boolean {
    const pdu = this.pduOf(index);
    const start = this.starts[pdu]!;
    const last = (this.starts[pdu + 1]! - 1) | 0;
    pci.seq = (this.first + pdu) | 0;
    if (start === last) return false;
    const pos = ring.posOf(start);
    pci.flags |= ring.flagsOf(last);
    pci.segmentAt = (ring.posOf(index) - pos) | 0;
    pci.pduBytes = (ring.posOf(last) + ring.lengthOf(last) - pos) | 0;
    return true;
  }
}

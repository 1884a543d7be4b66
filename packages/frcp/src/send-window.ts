import { news, noteNewest, noteResent } from './delivery.ts';
import { FLAG } from './pci.ts';
import type { SegmentTable } from './segment-table.ts';
import { FIRST_SENT, INFO, LAST_SENT, LENGTH_SHIFT, POS, SendRing, STRIDE } from './send-ring.ts';

/** Bits of a PDU's info word beside its flags; the length is above them. */
export const MARK = {
  /** Sent more than once: its acknowledgement says nothing about the round trip. */
  RESENT: 0x01,
  /** The peer has it out of order. */
  SACKED: 0x04,
  /** Counts as lost and waits for its next copy. */
  LOST: 0x08,
  /** A segment of a PDU. */
  SEGMENT: 0x80,
} as const;
const DOUBTED = MARK.RESENT | MARK.LOST;
const TOUCHED = MARK.RESENT | MARK.SACKED | MARK.LOST | MARK.SEGMENT;
/** Shifts {@link MARK.SEGMENT} to what a segment adds to the header, bytes. */
const SEGMENT_SHIFT = 4;
const INFO_MASK = (1 << LENGTH_SHIFT) - 1;

/** A PDU or segment that was sent. */
export interface SentPiece {
  readonly length: number;
  readonly info: number;
  readonly firstSent: number;
  readonly lastSent: number;
}

/**
 * What was written and is not acknowledged: SDU bytes in one ring, four integers per PDU in another. Both grow
 * by doubling and start empty. PDUs carry an index that counts on for ever in 32 bits; the number on the wire is
 * index + `base`, and a new run only draws a new base. `una <= nxt <= tail`: acknowledged, sent, written.
 * Byte positions count on in the same way, so window edges outlive a run. Of a PDU that a move has cut into segments
 * each has an index; then `segments` knows their numbers.
 */
export class SendWindow extends SendRing {
  /** First index and first byte the peer's window does not cover. */
  edge = 0;
  edgePos = 0;
  base = 0;
  segments: SegmentTable | null = null;
  /** SDUs written whose last PDU is not acknowledged. */
  unackedSdus = 0;
  lostCount = 0;
  /** No lost PDU lies before this. */
  lostHint = 0;
  /** One past the highest index the peer has out of order; `una` when none. */
  sackHigh = 0;
  /** PDUs the peer has out of order. */
  sackedPdus = 0;
  /** From here on every PDU is a whole SDU and unmarked: its acknowledgement needs no look at it. */
  plainFrom = 0;
  /** Bytes, headers included, that are under way: sent, neither acknowledged nor counted as lost. */
  flightBytes = 0;
  /** Header and checksum of a PDU. */
  overheadBytes: number;

  constructor(retains: boolean, overheadBytes = 0) {
    super(retains);
    this.overheadBytes = overheadBytes;
  }

  numberOf(index: number): number {
    const { segments } = this;
    return segments !== null && segments.covers(index) ? segments.numberOf(index) : (index + this.base) | 0;
  }

  /** Of a PDU in segments: the first. */
  indexOf(number: number): number {
    return this.segments === null ? (number - this.base) | 0 : this.segments.indexOf(number);
  }

  /** Of the piece at `offset` of a PDU; if `up`, of the first that starts there or later. */
  indexAt(number: number, offset: number, up: boolean): number {
    if (this.segments !== null) return this.segments.indexAt(number, offset, up, this);
    return (number - this.base + (up && offset !== 0 ? 1 : 0)) | 0;
  }

  /** Copies an SDU in and cuts it into PDUs of at most `payloadMax` bytes. The caller has checked the bounds. */
  append(sdu: Uint8Array, payloadMax: number): void {
    const length = sdu.length;
    if (((this.tailPos - this.keptPos) | 0) + length > this.ring.length) this.growRing(length);
    if (length > 0) this.copyIn(sdu, length);
    this.unackedSdus++;
    if (length <= payloadMax) this.appendPdu(length, FLAG.FIRST | FLAG.LAST);
    else this.appendCut(length, FLAG.FIRST | FLAG.LAST, payloadMax);
  }

  /** Bytes of a stream: what was never sent is filled up first. Every PDU is an SDU of its own. */
  //= R-FRCP-82
  appendBytes(bytes: Uint8Array, payloadMax: number): void {
    let left = bytes.length;
    if (left === 0) return;
    if (((this.tailPos - this.keptPos) | 0) + left > this.ring.length) this.growRing(left);
    this.copyIn(bytes, left);
    left -= this.fillLast(left, payloadMax);
    this.appendWhole(left, payloadMax);
  }

  /** Lengthens the last PDU if it was never sent; returns by how much. */
  private fillLast(bytes: number, payloadMax: number): number {
    if (this.tail === this.nxt) return 0;
    const at = (((this.tail - 1) | 0) & this.metaMask) * STRIDE + INFO;
    const more = Math.min(bytes, Math.max(0, payloadMax - (this.meta[at]! >>> LENGTH_SHIFT)));
    this.meta[at]! += more << LENGTH_SHIFT;
    this.tailPos = (this.tailPos + more) | 0;
    return more;
  }

  /** Makes PDUs of a stream's bytes that are in the ring. */
  appendWhole(bytes: number, payloadMax: number): void {
    for (let left = bytes; left > 0; left -= payloadMax) {
      this.unackedSdus++;
      this.appendPdu(Math.min(left, payloadMax), FLAG.FIRST | FLAG.LAST);
    }
  }

  /**
   * An SDU of one PDU that leaves at once, past the ring: only where sent bytes are not kept, and nothing waits. `appendPdu`
   * and `markFirstTransmission` in one, which would read back what they have just written.
   */
  appendPassing(length: number, nowI32: number): void {
    if (((this.tail - this.una) | 0) > this.metaMask) this.growMeta();
    const at = (this.tail & this.metaMask) * STRIDE;
    const run = this.tail === this.una ? FLAG.DRF : 0;
    this.meta[at + POS] = this.tailPos;
    this.meta[at + INFO] = (length << LENGTH_SHIFT) | FLAG.FIRST | FLAG.LAST | run;
    this.meta[at + FIRST_SENT] = nowI32;
    this.meta[at + LAST_SENT] = nowI32;
    this.unackedSdus++;
    this.flightBytes += length + this.overheadBytes;
    this.nxt = this.tail = (this.tail + 1) | 0;
    this.nxtPos = this.tailPos = (this.tailPos + length) | 0;
  }

  appendEnd(): void {
    this.appendPdu(0, FLAG.END);
  }

  private appendPdu(length: number, flags: number): void {
    if (((this.tail - this.una) | 0) > this.metaMask) this.growMeta();
    const at = (this.tail & this.metaMask) * STRIDE;
    this.meta[at + POS] = this.tailPos;
    this.meta[at + INFO] = (length << LENGTH_SHIFT) | flags;
    this.tail = (this.tail + 1) | 0;
    if ((flags & FLAG.LAST) === 0) this.plainFrom = this.tail;
    this.tailPos = (this.tailPos + length) | 0;
  }

  /** The peer's window covers a PDU of so many bytes behind all that was written. */
  covers(length: number): boolean {
    return ((this.tail - this.edge) | 0) < 0 && ((this.tailPos + length - this.edgePos) | 0) <= 0;
  }

  /** The next PDU exists and the peer's window covers it. The end marker takes no room and may lie on the edge. */
  mayTransmit(): boolean {
    const nxt = this.nxt;
    if (nxt === this.tail) return false;
    const at = (nxt & this.metaMask) * STRIDE;
    const info = this.meta[at + INFO]!;
    const ahead = (nxt - this.edge) | 0;
    if ((info & FLAG.END) !== 0) return ahead <= 0;
    return ahead < 0 && ((this.meta[at + POS]! + (info >>> LENGTH_SHIFT) - this.edgePos) | 0) <= 0;
  }

  /** Sends the next PDU for the first time: notes the time and, when nothing is unacknowledged, the run flag. */
  markFirstTransmission(nowI32: number): void {
    const at = (this.nxt & this.metaMask) * STRIDE;
    if (this.nxt === this.una) this.meta[at + INFO]! |= FLAG.DRF;
    const length = this.meta[at + INFO]! >>> LENGTH_SHIFT;
    this.nxtPos = (this.nxtPos + length) | 0;
    this.flightBytes += length + this.overheadBytes;
    this.meta[at + FIRST_SENT] = nowI32;
    this.meta[at + LAST_SENT] = nowI32;
    this.nxt = (this.nxt + 1) | 0;
  }

  /** The first lost PDU; there is one. */
  firstLost(): number {
    let index = this.lostHint;
    while ((this.meta[(index & this.metaMask) * STRIDE + INFO]! & MARK.LOST) === 0) index = (index + 1) | 0;
    return (this.lostHint = index);
  }

  /** Takes the first lost PDU for another copy. Returns its index; there is one. */
  takeLost(nowI32: number): number {
    const index = this.firstLost();
    const at = (index & this.metaMask) * STRIDE;
    this.meta[at + INFO] = (this.meta[at + INFO]! & ~MARK.LOST) | MARK.RESENT;
    this.meta[at + LAST_SENT] = nowI32;
    this.flightBytes += this.sizeOf(this.meta[at + INFO]!);
    this.lostCount--;
    this.lostHint = (index + 1) | 0;
    return index;
  }

  /** The oldest PDU goes without an acknowledgement (ordered flow without retransmission). */
  dropFirst(): void {
    this.acknowledge((this.una + 1) | 0);
  }

  /** Everything before `index` has arrived; `una < index <= nxt`. */
  acknowledge(index: number): void {
    const meta = this.meta;
    const mask = this.metaMask;
    const plainFrom = ((this.plainFrom - index) | 0) < 0 ? this.plainFrom : index;
    let i = this.una;
    let sdus = 0;
    let segmentBytes = 0;
    for (; ((i - plainFrom) | 0) < 0; i = (i + 1) | 0) {
      const at = (i & mask) * STRIDE;
      const info = meta[at + INFO]!;
      if ((info & FLAG.LAST) !== 0) sdus++;
      segmentBytes += (info & MARK.SEGMENT) >>> SEGMENT_SHIFT;
      this.noteDelivered(i, at, info);
    }
    const last = (index - 1) | 0;
    const at = (last & mask) * STRIDE;
    const info = meta[at + INFO]!;
    if (i !== index) {
      sdus += (index - i) | 0;
      // What was sent once was sent in order: the last is the newest of them.
      this.noteDelivered(last, at, info);
    }
    const pos = (meta[at + POS]! + (info >>> LENGTH_SHIFT)) | 0;
    const pdus = (index - this.una) | 0;
    this.count(pdus, ((pos - this.unaPos) | 0) + pdus * this.overheadBytes + segmentBytes);
    this.unackedSdus -= sdus;
    this.unaPos = pos;
    this.una = index;
    if (((this.lostHint - index) | 0) < 0) this.lostHint = index;
    if (((this.sackHigh - index) | 0) < 0) this.sackHigh = index;
    if (((this.plainFrom - index) | 0) < 0) this.plainFrom = index;
    if (index === this.tail && !this.isLarge) this.release();
  }

  private count(pdus: number, bytes: number): void {
    this.flightBytes -= bytes;
    news.bytes += bytes;
    news.pdus += pdus;
  }

  /** The peer has `from` up to but not including `to` out of order; both within what is sent. */
  selectivelyAcknowledge(from: number, to: number): void {
    for (let i = from; i !== to; i = (i + 1) | 0) {
      const at = (i & this.metaMask) * STRIDE;
      const info = this.meta[at + INFO]!;
      if ((info & MARK.SACKED) !== 0) continue;
      this.count(1, this.sizeOf(info));
      this.noteDelivered(i, at, info);
      this.meta[at + INFO] = (info & ~MARK.LOST) | MARK.SACKED;
      this.sackedPdus++;
    }
    if (((to - this.sackHigh) | 0) > 0) this.sackHigh = to;
    this.notePlain(to);
  }

  private noteDelivered(index: number, at: number, info: number): void {
    if ((info & MARK.SACKED) !== 0) {
      const size = this.sizeOf(info);
      this.flightBytes += size;
      news.bytes -= size;
      news.pdus--;
      this.sackedPdus--;
      return;
    }
    if ((info & DOUBTED) !== 0) news.doubtful = true;
    const isLost = (info & MARK.LOST) !== 0;
    if (isLost) {
      this.meta[at + INFO] = info & ~MARK.LOST;
      this.lostCount--;
      this.flightBytes += this.sizeOf(info);
    }
    const sent = this.meta[at + LAST_SENT]!;
    if ((info & MARK.RESENT) !== 0) noteResent(index, sent);
    else {
      if (((index - this.sackHigh) | 0) < 0) news.late = true;
      if (isLost) news.disproved++;
      noteNewest(index, sent);
    }
  }

  private sizeOf(info: number): number {
    return (info >>> LENGTH_SHIFT) + this.overheadBytes + ((info & MARK.SEGMENT) >>> SEGMENT_SHIFT);
  }

  /** Bytes with which a PDU or segment leaves. */
  sizeAt(index: number): number {
    return this.sizeOf(this.meta[(index & this.metaMask) * STRIDE + INFO]!);
  }

  /**
   * Marks what was sent before `(sent, index)` and has not arrived `graceUs` after it left. Returns how long to wait
   * for the last of the others, -1 when there is none.
   */
  markLostBefore(sent: number, index: number, nowI32: number, graceUs: number): number {
    let wait = -1;
    for (let i = this.una; i !== this.nxt; i = (i + 1) | 0) {
      const at = (i & this.metaMask) * STRIDE;
      const info = this.meta[at + INFO]!;
      const sentAt = this.meta[at + LAST_SENT]!;
      const behind = (sent - sentAt) | 0;
      if (behind < 0 || (behind === 0 && ((index - i) | 0) <= 0)) {
        // Behind the last range, what was sent once was sent in order.
        if ((info & MARK.RESENT) === 0 && ((i - this.sackHigh) | 0) >= 0) break;
        continue;
      }
      if ((info & (MARK.SACKED | MARK.LOST)) !== 0) continue;
      const left = graceUs - ((nowI32 - sentAt) | 0);
      if (left <= 0) this.markLost(i, at, info);
      else if (left > wait) wait = left;
    }
    return wait;
  }

  /** Every PDU sent and not known to have arrived counts as lost. */
  markAllLost(): void {
    for (let i = this.una; i !== this.nxt; i = (i + 1) | 0) {
      const at = (i & this.metaMask) * STRIDE;
      const info = this.meta[at + INFO]!;
      if ((info & (MARK.SACKED | MARK.LOST)) === 0) this.markLost(i, at, info);
    }
    this.lostHint = this.una;
  }

  /** The last PDU sent, which has not arrived, is sent again: a tail probe. */
  markLastLost(): void {
    const index = (this.nxt - 1) | 0;
    const at = (index & this.metaMask) * STRIDE;
    const info = this.meta[at + INFO]!;
    if ((info & (MARK.SACKED | MARK.LOST)) === 0) this.markLost(index, at, info);
  }

  /** The timeout was wrong: nothing counts as lost. */
  clearLost(): void {
    for (let i = this.lostHint; this.lostCount > 0; i = (i + 1) | 0) {
      const at = (i & this.metaMask) * STRIDE + INFO;
      if ((this.meta[at]! & MARK.LOST) === 0) continue;
      this.meta[at]! &= ~MARK.LOST;
      this.flightBytes += this.sizeOf(this.meta[at]!);
      this.lostCount--;
    }
  }

  private markLost(index: number, at: number, info: number): void {
    this.meta[at + INFO] = info | MARK.LOST;
    this.flightBytes -= this.sizeOf(info);
    this.lostCount++;
    if (((index - this.lostHint) | 0) < 0) this.lostHint = index;
    this.notePlain((index + 1) | 0);
  }

  /** A PDU before `index` carries a mark. */
  private notePlain(index: number): void {
    if (((index - this.plainFrom) | 0) > 0) this.plainFrom = index;
  }

  /** Forgets the cuts of what was never sent; its bytes stay for {@link appendCut} or {@link appendWhole}. */
  dropUnsent(): void {
    this.tail = this.nxt;
    this.tailPos = this.nxtPos;
  }

  /** The same of what was sent: for {@link appendSent}. */
  dropCuts(): void {
    this.nxt = this.una;
    this.nxtPos = this.unaPos;
    this.lostHint = this.sackHigh = this.plainFrom = this.una;
    this.lostCount = this.sackedPdus = this.flightBytes = 0;
    this.dropUnsent();
  }

  /** What its flags, marks and times are. */
  sentAt(index: number): SentPiece {
    const at = (index & this.metaMask) * STRIDE;
    const info = this.meta[at + INFO]!;
    return {
      length: info >>> LENGTH_SHIFT,
      info: info & INFO_MASK,
      firstSent: this.meta[at + FIRST_SENT]!,
      lastSent: this.meta[at + LAST_SENT]!,
    };
  }

  /** Puts back `length` bytes of what was sent, whose bytes are in the ring. */
  appendSent(length: number, { info, firstSent, lastSent }: SentPiece): void {
    this.appendPdu(length, info);
    const at = (this.nxt & this.metaMask) * STRIDE;
    this.meta[at + FIRST_SENT] = firstSent;
    this.meta[at + LAST_SENT] = lastSent;
    this.nxt = this.tail;
    this.nxtPos = this.tailPos;
    if ((info & TOUCHED) !== 0) this.notePlain(this.nxt);
    if ((info & MARK.SACKED) !== 0) {
      this.sackedPdus++;
      this.sackHigh = this.nxt;
    } else if ((info & MARK.LOST) !== 0) this.lostCount++;
    else this.flightBytes += this.sizeAt((this.nxt - 1) | 0);
  }

  /** Makes PDUs of an SDU, or the rest of one, whose bytes are in the ring. `flags`: FIRST, LAST or END. */
  appendCut(length: number, flags: number, payloadMax: number): void {
    let left = length;
    let first = flags & ~FLAG.LAST;
    for (; left > payloadMax; left -= payloadMax) {
      this.appendPdu(payloadMax, first);
      first = 0;
    }
    this.appendPdu(left, first | (flags & FLAG.LAST));
  }

  /** Nothing more will be sent: what is queued is dropped. `unackedSdus` still tells how many SDUs that was. */
  abandon(): void {
    this.una = this.nxt = this.tail;
    this.unaPos = this.nxtPos = this.tailPos;
    this.lostCount = this.sackedPdus = this.flightBytes = 0;
    this.release();
  }
}

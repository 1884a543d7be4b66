import { writeSegmentRanges } from './held-ranges.ts';
import { FLAG, RANGE_BYTES, SEGMENT_RANGE_BYTES, type Pci } from './pci.ts';
import type { FrcpParams } from './params.ts';
import { ReadQueue } from './read-queue.ts';
import { Reassembly } from './reassembly.ts';
import { ReorderQueue, type HeldPdu } from './reorder-queue.ts';
import { SegmentStore } from './segment-store.ts';
import type { FrcpStats } from './stats.ts';

/** What became of a data PDU. */
export const ACCEPT = { IN_ORDER: 0, HELD: 1, DUPLICATE: 2, BEYOND: 3, VIOLATION: 4, PART: 5 } as const;
export type Acceptance = (typeof ACCEPT)[keyof typeof ACCEPT];

/** A gap in an unreliable flow is passed over at once, however wide; beyond this the number is taken for old. */
const FORWARD_MAX = 1 << 30;

/** Most ranges that {@link ReceiveWindow.inspect} lists. */
const INSPECT_RANGES_MAX = 64;

const EMPTY = new Uint8Array(0);
const held: HeldPdu = { buf: EMPTY, start: 0, end: 0, flags: 0 };

/**
 * What has arrived: the next index expected, what waits for the reader, what came too early, and how far the
 * peer may send. Indexes and byte counts go on across runs; `base` turns an index into the number of this run.
 */
export class ReceiveWindow {
  /** Every index before this is accepted. */
  next = 0;
  base = 0;
  /** User bytes accepted in order, modulo 2^32. */
  acceptedBytes = 0;
  /** Granted to the peer: first index and first byte it may not send. Never moves back. */
  edge = 0;
  edgeBytes = 0;
  /** What may be accepted and not read: more for a program that reads. */
  limitBytes: number;
  /** The end marker was accepted. */
  ended = false;
  /** Nobody reads any more: what arrives is accepted and dropped. */
  discarding = false;
  readonly queue = new ReadQueue();
  private reorder: ReorderQueue | null = null;
  private partial: Reassembly | null = null;
  private segments: SegmentStore | null = null;
  private readonly params: FrcpParams;
  private readonly stats: FrcpStats;

  constructor(params: FrcpParams, stats: FrcpStats) {
    this.params = params;
    this.stats = stats;
    this.limitBytes = params.windowFirstBytes;
    this.grant();
  }

  /**
   * Numbers from `seq` on belong to a new run. An SDU cut by the end of the last one goes on in it; without
   * retransmission its other fragments are gone, and those of another SDU must not complete it.
   */
  openRun(seq: number): void {
    if (!this.params.reliable) this.partial?.clear();
    this.base = (seq - this.next) | 0;
    this.reorder = null;
    this.segments = null;
  }

  /** Something came before what is expected next is whole. */
  get hasGaps(): boolean {
    return this.holdsEarly || this.segments !== null;
  }

  private get holdsEarly(): boolean {
    return this.reorder !== null && this.reorder.count > 0;
  }

  /** Buffers of others are kept: the readable and what came early. */
  get holdsBuffers(): boolean {
    return this.queue.length > 0 || this.holdsEarly;
  }

  get cutSdu(): boolean {
    return this.partial !== null && this.partial.open;
  }

  get isQuiet(): boolean {
    const isEmpty = this.queue.length === 0 && !this.hasGaps && !this.cutSdu;
    return isEmpty && !this.ended && !this.discarding;
  }

  //= R-FRCP-32
  accept(buf: Uint8Array, pci: Pci): Acceptance {
    const index = (pci.seq - this.base) | 0;
    //= R-FRCP-01
    const ahead = (index - this.next) | 0;
    if (ahead < 0) return ACCEPT.DUPLICATE;
    if (this.ended) return ACCEPT.BEYOND;
    if (pci.pduBytes > 0) return this.acceptSegment(index, buf, pci);
    const length = pci.dataEnd - pci.dataStart;
    if (!this.covers(index, length, (pci.flags & FLAG.END) !== 0)) return ACCEPT.BEYOND;
    if (this.segments !== null) this.forgetSegments(index);
    if (ahead > 0) return this.hold(index, buf, pci);
    if (!this.deliver(buf, pci.dataStart, pci.dataEnd, pci.flags)) return ACCEPT.VIOLATION;
    if (this.reorder !== null && this.reorder.count > 0) return this.deliverHeld();
    return ACCEPT.IN_ORDER;
  }

  /** A segment: the PDU is judged when it is whole, and takes its room of the window before. */
  //= R-FRCP-72
  private acceptSegment(index: number, buf: Uint8Array, pci: Pci): Acceptance {
    if (this.reorder !== null && this.reorder.has(index, this.next)) return ACCEPT.DUPLICATE;
    if (!this.covers(index, pci.pduBytes, false)) return ACCEPT.BEYOND;
    const segments = (this.segments ??= new SegmentStore());
    const added = segments.add(index, buf, pci);
    if (added === 'contradiction') return ACCEPT.VIOLATION;
    if (added === 'known') return ACCEPT.DUPLICATE;
    this.stats.segmentsReceived++;
    if (added === 'new') return ACCEPT.PART;
    pci.dataStart = pci.pduBytes = 0;
    const whole = segments.take(index)!;
    pci.dataEnd = whole.length;
    return this.accept(whole, pci);
  }

  /** The PDU has come whole after all. */
  private forgetSegments(index: number): void {
    this.segments!.take(index);
    if (this.segments!.count === 0) this.segments = null;
  }

  /** Accepts on a flow without retransmission: passes over any gap, never goes back. */
  //= R-FRCP-60
  acceptUnreliable(buf: Uint8Array, pci: Pci): Acceptance {
    const index = (pci.seq - this.base) | 0;
    const ahead = (index - this.next) | 0;
    if (ahead < 0 || this.ended) return ACCEPT.DUPLICATE;
    if (ahead > FORWARD_MAX) return ACCEPT.BEYOND;
    const continues = ahead === 0 && (pci.flags & FLAG.FIRST) === 0;
    if (!continues && (pci.flags & FLAG.END) === 0) this.partial?.clear();
    this.next = index;
    if ((pci.flags & (FLAG.FIRST | FLAG.END)) === 0 && !this.cutSdu) {
      this.next = (this.next + 1) | 0;
      return ACCEPT.IN_ORDER;
    }
    return this.deliver(buf, pci.dataStart, pci.dataEnd, pci.flags) ? ACCEPT.IN_ORDER : ACCEPT.VIOLATION;
  }

  private covers(index: number, length: number, isEnd: boolean): boolean {
    let early = this.reorder === null ? 0 : this.reorder.heldBytes;
    if (this.segments !== null) early += this.segments.heldBytes - this.segments.bytesOf(index);
    if (this.within(index, length + early, isEnd)) return true;
    this.grant();
    return this.within(index, length + early, isEnd);
  }

  private within(index: number, bytes: number, isEnd: boolean): boolean {
    const past = (index - this.edge) | 0;
    return (past < 0 || (isEnd && past === 0)) && ((this.acceptedBytes + bytes - this.edgeBytes) | 0) <= 0;
  }

  private hold(index: number, buf: Uint8Array, pci: Pci): Acceptance {
    const reorder = (this.reorder ??= new ReorderQueue());
    if (reorder.has(index, this.next)) return ACCEPT.DUPLICATE;
    reorder.put(index, this.next, buf, pci.dataStart, pci.dataEnd, pci.flags);
    return ACCEPT.HELD;
  }

  private deliverHeld(): Acceptance {
    const reorder = this.reorder!;
    while (!this.ended && reorder.take(this.next, held)) {
      if (!this.deliver(held.buf, held.start, held.end, held.flags)) return ACCEPT.VIOLATION;
    }
    held.buf = EMPTY;
    // Nothing comes after the end, whatever was held.
    if (this.ended) this.reorder = this.segments = null;
    return ACCEPT.IN_ORDER;
  }

  /** The next PDU in order. False if the peer broke the fragmentation rules. */
  private deliver(buf: Uint8Array, start: number, end: number, flags: number): boolean {
    this.next = (this.next + 1) | 0;
    this.acceptedBytes = (this.acceptedBytes + (end - start)) | 0;
    if ((flags & (FLAG.FIRST | FLAG.LAST)) === (FLAG.FIRST | FLAG.LAST)) {
      if (this.cutSdu || end - start > this.params.sduMaxBytes) return false;
      this.enqueue(buf, start, end);
      return true;
    }
    if ((flags & FLAG.END) !== 0) {
      this.ended = true;
      return true;
    }
    return this.deliverFragment(buf, start, end, flags);
  }

  //= R-FRCP-55
  private deliverFragment(buf: Uint8Array, start: number, end: number, flags: number): boolean {
    const partial = (this.partial ??= new Reassembly());
    if (partial.open !== ((flags & FLAG.FIRST) === 0)) return false;
    if (!partial.append(buf, start, end, this.params.sduMaxBytes)) return false;
    if ((flags & FLAG.LAST) === 0) return true;
    const length = partial.length;
    this.enqueue(partial.finish(), 0, length);
    return true;
  }

  private enqueue(buf: Uint8Array, start: number, end: number): void {
    if (this.discarding) {
      this.stats.discarded++;
      return;
    }
    const queue = this.queue;
    if (!this.params.reliable && (this.roomBytes() < end - start || this.roomPdus() <= 0)) {
      this.stats.noRoom++;
      return;
    }
    queue.push(buf, start, end);
    this.stats.sdusReceived++;
  }

  /**
   * The SDU being put together takes no room while nothing readable lies before it: it could not become readable
   * otherwise. It is bounded by `sduMaxBytes`.
   */
  //= R-FRCP-36
  private roomBytes(): number {
    if (this.discarding) return this.limitBytes;
    const held = this.queue.heldBytes;
    const partial = held > 0 && this.partial !== null ? this.partial.length : 0;
    return Math.max(0, this.limitBytes - held - partial);
  }

  private roomPdus(): number {
    const held = this.discarding ? 0 : this.queue.length;
    return Math.max(0, this.params.windowPdus - held);
  }

  /** The program has read so much. */
  //= R-FRCP-110
  noteRead(bytes: number): void {
    const { windowBytes } = this.params;
    if (this.limitBytes < windowBytes) this.limitBytes = Math.min(windowBytes, this.limitBytes + bytes);
  }

  /** Moves the granted edges as far as there is room. */
  //= R-FRCP-35
  grant(): void {
    const edge = (this.next + this.roomPdus()) | 0;
    if (((edge - this.edge) | 0) > 0) this.edge = edge;
    const edgeBytes = (this.acceptedBytes + this.roomBytes()) | 0;
    if (((edgeBytes - this.edgeBytes) | 0) > 0) this.edgeBytes = edgeBytes;
  }

  /** The peer has sent all it was granted. */
  get isUsedUp(): boolean {
    return this.next === this.edge;
  }

  /** Reading has made so much room that the peer should hear of it. */
  //= R-FRCP-37
  updateDue(): boolean {
    const pdus = (this.next + this.roomPdus() - this.edge) | 0;
    if (pdus >= this.params.windowPdus >>> 2) return true;
    return ((this.acceptedBytes + this.roomBytes() - this.edgeBytes) | 0) >= this.limitBytes >>> 2;
  }

  /** Fills in acknowledgement, edge and credit. */
  stamp(pci: Pci): void {
    this.grant();
    pci.ack = (this.next + this.base) | 0;
    pci.edge = (this.edge + this.base) | 0;
    pci.creditBytes = (this.edgeBytes - this.acceptedBytes) | 0;
  }

  /** Of a range that tells what is held, bytes. */
  get rangeBytes(): number {
    return this.segments === null ? RANGE_BYTES : SEGMENT_RANGE_BYTES;
  }

  writeRanges(out: Uint8Array, at: number, max: number): number {
    const { reorder, segments, next, base } = this;
    if (segments === null) return reorder!.writeRanges(next, base, out, at, max);
    return writeSegmentRanges(reorder, segments, next, base, out, at, max);
  }

  /** What arrived early or in pieces, for people. */
  inspect(): Readonly<Record<string, unknown>> {
    const { reorder, partial, segments } = this;
    return {
      held: reorder === null ? [] : reorder.ranges(this.next, this.base, INSPECT_RANGES_MAX),
      heldPdus: reorder === null ? 0 : reorder.count,
      holePdus: this.holdsEarly ? ((reorder!.high - this.next) | 0) - reorder!.count : 0,
      earlyBytes: reorder === null ? 0 : reorder.heldBytes,
      partialSduBytes: partial === null || !partial.open ? null : partial.length,
      segmented: segments === null ? null : segments.inspect(),
    };
  }

  compact(): void {
    this.queue.compact();
    this.reorder?.compact();
  }
}

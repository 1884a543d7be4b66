import type { DormantReceiver } from './dormant.ts';
import type { FrcpParams, FrcpTimes } from './params.ts';
import { FLAG, PCI_ACK_BYTES, SACK_RANGES_MAX, TIMES_BYTES, type Pci } from './pci.ts';
import { ACCEPT, ReceiveWindow, type Acceptance } from './receive-window.ts';
import type { FrcpStats } from './stats.ts';
import type { DurationUs, InstantUs } from './time.ts';
import { NEVER, type TimerTable } from './timer-table.ts';
import { WindowRepeater } from './window-repeater.ts';

/** Most PDUs in order before an acknowledgement, on a lower flow that loses. */
const ACK_EVERY_PDUS = 32;
/**
 * A run flag so little behind the last run's next number is a late copy, not a new run: senders keep new runs
 * away from the last one (R-FRCP-22).
 */
const LATE_COPY_SPAN = 1 << 20;

/** PDUs of a foreign flow without retransmission after which its window is told. */
const WINDOW_EVERY_PDUS = 16;

/** The receiving half: the peer's run, its receiver timer, and when to acknowledge. Made by the first run. */
export class Receiver {
  readonly window: ReceiveWindow;
  /** An acknowledgement should leave with the next transmission. */
  ackNow = false;
  /** The run is forgotten at this time; compared lazily. */
  expiresAt: InstantUs = NEVER;
  private lastAckAt: InstantUs = -Infinity;
  private sinceAckPdus = 0;
  /** The newest time of sending that came since the last echo, and when it came. */
  private timeToEcho = 0;
  private timeCameAt = 0;
  private sinceAckBytes = 0;
  private readonly params: FrcpParams;
  private readonly timers: TimerTable;
  private readonly stats: FrcpStats;
  private readonly ackEveryPdus: number;
  private readonly acksPerWindowLog2: number;
  /** Only with a foreign peer. */
  private readonly repeater: WindowRepeater | null;

  constructor(params: FrcpParams, timers: TimerTable, stats: FrcpStats) {
    this.params = params;
    this.timers = timers;
    this.stats = stats;
    this.window = new ReceiveWindow(params, stats);
    this.repeater = params.wire === null ? null : new WindowRepeater(timers);
    const quarter = params.windowPdus >>> 2;
    this.ackEveryPdus = params.lowerReliable ? quarter : Math.min(ACK_EVERY_PDUS, quarter);
    this.acksPerWindowLog2 = params.lowerReliable ? 2 : 3;
  }

  /** The peer's numbers start at `seq`. */
  openRun(seq: number): void {
    this.window.openRun(seq);
    this.stats.runsOpened++;
    this.expiresAt = NEVER;
  }

  /** PDUs may live longer from now on, and so must the run that knows their copies. */
  //= R-FRCP-75
  moveTo(runLongerUs: DurationUs): void {
    this.ackNow = true;
    this.expiresAt += runLongerUs;
  }

  /** Nothing is held, unread, owed or over. */
  get isQuiet(): boolean {
    return !this.ackNow && this.window.isQuiet;
  }

  remember(): DormantReceiver {
    const { window, expiresAt, lastAckAt } = this;
    const { next, base, acceptedBytes, edge, edgeBytes, limitBytes } = window;
    return { next, base, acceptedBytes, edge, edgeBytes, limitBytes, expiresAt, lastAckAt };
  }

  recall(was: DormantReceiver): void {
    const { window } = this;
    window.next = was.next;
    window.base = was.base;
    window.acceptedBytes = was.acceptedBytes;
    window.edge = was.edge;
    window.edgeBytes = was.edgeBytes;
    window.limitBytes = was.limitBytes;
    this.expiresAt = was.expiresAt;
    this.lastAckAt = was.lastAckAt;
  }

  //= R-FRCP-23
  runOver(now: InstantUs): boolean {
    return now >= this.expiresAt && !this.params.lowerReliable;
  }

  /** Judges a data PDU by run and number. */
  onData(now: InstantUs, buf: Uint8Array, pci: Pci, times: FrcpTimes): Acceptance {
    const isOver = this.runOver(now) || (this.repeater !== null && this.isRedrawn(pci));
    if (isOver && !this.openNextRun(pci)) return ACCEPT.BEYOND;
    // A run lives Rt from its opening, even if its first PDU is refused.
    if (this.expiresAt === NEVER) this.expiresAt = now + times.receiverTimerUs;
    if (pci.timed) this.noteTime(now, pci.time);
    const window = this.window;
    if (!this.params.reliable) return this.onUnreliableData(now, buf, pci, times);
    const hadGaps = window.hasGaps;
    const acceptance = window.accept(buf, pci);
    if (acceptance === ACCEPT.IN_ORDER) {
      this.expiresAt = now + times.receiverTimerUs;
      if (this.repeater !== null) this.repeater.stop();
      this.scheduleAck(now, pci, hadGaps);
      return acceptance;
    }
    if (acceptance === ACCEPT.HELD) {
      this.expiresAt = now + times.receiverTimerUs;
      this.stats.outOfOrder++;
      this.ackNow = true;
      return acceptance;
    }
    if (acceptance === ACCEPT.PART) {
      this.expiresAt = now + times.receiverTimerUs;
      //= R-FRCP-76
      if (!this.params.lowerReliable) this.ackNow = true;
      return acceptance;
    }
    this.onRefused(now, acceptance);
    return acceptance;
  }

  /** The run is over: the PDU may only open the next one. */
  //= R-FRCP-31
  private openNextRun(pci: Pci): boolean {
    const window = this.window;
    const ahead = (pci.seq - (window.next + window.base)) | 0;
    const late = ahead < 0 && ahead >= -LATE_COPY_SPAN && this.repeater === null;
    if ((pci.flags & FLAG.DRF) === 0 || late || window.ended) {
      this.stats.noRun++;
      return false;
    }
    this.openRun(pci.seq);
    return true;
  }

  /**
   * A foreign peer that paused draws a new number while its run may still be known here: DRF says that everything
   * before this number is acknowledged, and we acknowledged no such thing.
   */
  //= R-FRCP-95
  private isRedrawn(pci: Pci): boolean {
    if ((pci.flags & FLAG.DRF) === 0 || !this.params.reliable) return false;
    const ahead = (pci.seq - (this.window.next + this.window.base)) | 0;
    return ahead > 0 || ahead < -LATE_COPY_SPAN;
  }

  private onUnreliableData(now: InstantUs, buf: Uint8Array, pci: Pci, times: FrcpTimes): Acceptance {
    if (pci.pduBytes > 0) {
      this.stats.malformed++;
      return ACCEPT.BEYOND;
    }
    const acceptance = this.window.acceptUnreliable(buf, pci);
    if (acceptance === ACCEPT.IN_ORDER) this.expiresAt = now + times.receiverTimerUs;
    else if (acceptance === ACCEPT.DUPLICATE) this.stats.late++;
    else if (acceptance === ACCEPT.BEYOND) this.stats.outOfWindow++;
    if ((pci.flags & FLAG.END) !== 0) this.ackNow = true;
    if (this.repeater !== null) this.scheduleWindow(this.repeater);
    return acceptance;
  }

  //= R-FRCP-97
  private scheduleWindow(repeater: WindowRepeater): void {
    repeater.stop();
    if (++this.sinceAckPdus >= WINDOW_EVERY_PDUS) this.ackNow = true;
  }

  //= R-FRCP-49
  private noteTime(now: InstantUs, time: number): void {
    if (this.timeToEcho !== 0 && ((time - this.timeToEcho) | 0) <= 0) return;
    this.timeToEcho = time;
    this.timeCameAt = now | 0;
  }

  /** The time to echo, advanced by how long it waited here: it tells the path alone. Each is echoed once. */
  private takeEcho(now: InstantUs): number {
    const time = this.timeToEcho;
    if (time === 0) return 0;
    this.timeToEcho = 0;
    return (time + ((now | 0) - this.timeCameAt)) | 0;
  }

  //= R-FRCP-40
  private scheduleAck(now: InstantUs, pci: Pci, hadGaps: boolean): void {
    this.sinceAckPdus++;
    this.sinceAckBytes += pci.dataEnd - pci.dataStart;
    const ackEveryBytes = this.window.limitBytes >>> this.acksPerWindowLog2;
    const due = this.sinceAckPdus >= this.ackEveryPdus || this.sinceAckBytes >= ackEveryBytes;
    if (due || (pci.flags & FLAG.END) !== 0 || pci.asks || hadGaps) this.ackNow = true;
    else if (this.timers.ackAt === NEVER) this.timers.ackAt = now + this.params.aUs;
  }

  /** A copy means that our acknowledgement may be lost; answered at once, but not more than once in A. */
  //= R-FRCP-41
  private onRefused(now: InstantUs, acceptance: Acceptance): void {
    if (acceptance === ACCEPT.DUPLICATE) this.stats.duplicates++;
    else if (acceptance === ACCEPT.BEYOND) this.stats.outOfWindow++;
    const earliest = this.lastAckAt + this.params.aUs;
    if (now >= earliest) this.ackNow = true;
    else if (this.timers.ackAt > earliest) this.timers.ackAt = earliest;
  }

  /** Whether a data PDU should carry the acknowledgement: where none is lost, only when it says something new. */
  get tellsNews(): boolean {
    if (this.ackNow || this.repeater !== null) return true;
    return this.params.reliable && (this.owesAck || !this.params.lowerReliable);
  }

  /** Something accepted was not acknowledged yet. */
  get owesAck(): boolean {
    return this.sinceAckPdus > 0;
  }

  /** Adds the acknowledgement to a data PDU. Gaps still need a bare one: ranges do not fit beside data. */
  stamp(now: InstantUs, pci: Pci): void {
    this.window.stamp(pci);
    pci.flags |= FLAG.ACK;
    if (this.window.hasGaps) return;
    pci.echo = this.takeEcho(now);
    this.acknowledged(now);
  }

  /** Makes a bare acknowledgement of `pci` at `out[at]`, ranges included, of at most `room` bytes. */
  stampBare(now: InstantUs, pci: Pci, out: Uint8Array, at: number, room: number): void {
    const wasClosed = this.window.isUsedUp;
    this.window.stamp(pci);
    pci.flags = FLAG.ACK;
    if (this.repeater !== null) {
      if (!this.params.reliable || (wasClosed && !this.window.isUsedUp)) this.repeater.start(now);
      pci.sackRanges = 0;
      this.acknowledged(now);
      return;
    }
    pci.time = 0;
    pci.echo = this.takeEcho(now);
    pci.timed = pci.echo !== 0;
    pci.asks = false;
    const header = pci.timed ? PCI_ACK_BYTES + TIMES_BYTES : PCI_ACK_BYTES;
    pci.rangeBytes = this.window.rangeBytes;
    const max = Math.min(SACK_RANGES_MAX, Math.floor((room - header) / pci.rangeBytes));
    pci.sackRanges = this.window.hasGaps && max > 0 ? this.window.writeRanges(out, at + header, max) : 0;
    this.acknowledged(now);
  }

  private acknowledged(now: InstantUs): void {
    this.ackNow = false;
    this.sinceAckPdus = 0;
    this.sinceAckBytes = 0;
    this.lastAckAt = now;
    this.timers.ackAt = NEVER;
  }

  //= R-FRCP-81
  read(): Uint8Array | null {
    const sdu = this.window.queue.shift(this.params.viewOf);
    if (sdu !== null) this.onRead(sdu.length);
    return sdu;
  }

  private onRead(bytes: number): void {
    const { window, params } = this;
    window.noteRead(bytes);
    if (params.wire === null ? params.reliable && window.updateDue() : window.isUsedUp || window.updateDue())
      this.ackNow = true;
  }

  /** The time has come to tell the window again. */
  repeatWindow(now: InstantUs): void {
    const repeater = this.repeater!;
    this.ackNow = true;
    repeater.repeat(now);
  }

  /** At most `maxBytes` of the oldest SDU; {@link ReadQueue.isHeadCut} tells whether more of it follows. */
  //= R-FRCP-80
  readPart(maxBytes: number): Uint8Array | null {
    const { queue } = this.window;
    if (queue.headBytes <= maxBytes) return this.read();
    const part = queue.shiftPart(maxBytes, this.params.viewOf);
    this.onRead(maxBytes);
    return part;
  }

  /** Fills `out[offset, end)` with the oldest SDU or its rest; on a stream, with as much as there is. -1: nothing. */
  //= R-FRCP-83
  readInto(out: Uint8Array, offset: number, end: number): number {
    const { queue } = this.window;
    if (queue.length === 0) return -1;
    let at = offset;
    do at += queue.shiftInto(out, at, end);
    while (this.params.stream && at < end && queue.length > 0);
    this.window.noteRead(at - offset);
    if (this.params.reliable && this.window.updateDue()) this.ackNow = true;
    return at - offset;
  }

  inspect(now?: InstantUs): Readonly<Record<string, unknown>> {
    const { window } = this;
    const { queue } = window;
    return {
      ...(now !== undefined && { run: this.runOver(now) ? 'over' : 'open', runLeftUs: this.expiresAt - now }),
      nextSeq: (window.next + window.base) >>> 0,
      edgeSeq: (window.edge + window.base) >>> 0,
      readableSdus: queue.length,
      heldBytes: queue.heldBytes,
      isHeadCut: queue.isHeadCut,
      hasGaps: window.hasGaps,
      ...window.inspect(),
      windowPdus: (window.edge - window.next) | 0,
      windowBytes: (window.edgeBytes - window.acceptedBytes) | 0,
      ackNow: this.ackNow,
      unackedPdus: this.sinceAckPdus,
      lastAckAt: this.lastAckAt,
      ended: window.ended,
      discarding: window.discarding,
      runExpiresAt: this.expiresAt,
    };
  }
}

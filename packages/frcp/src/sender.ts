import type { DormantSender } from './dormant.ts';
import { beginNews, news } from './delivery.ts';
import { LossRecovery, VERDICT } from './loss-recovery.ts';
import { sendsTimes, WINDOW_PDUS_MAX, type FrcpParams, type FrcpTimes } from './params.ts';
import { FLAG, RANGE_BYTES, readI32, type Pci } from './pci.ts';
import { RttEstimator } from './rtt-estimator.ts';
import { longestBefore, recut } from './recut.ts';
import { SendWindow } from './send-window.ts';
import type { FrcpStats } from './stats.ts';
import type { DurationUs, InstantUs } from './time.ts';
import { NEVER, type TimerTable } from './timer-table.ts';

/** A new run starts at least this far from the last number of the one before. */
const RUN_DISTANCE = 1 << 24;
/** Longest pause between window probes. */
const RENDEZVOUS_MAX_US = 1_000_000;
/** The same where nothing can be lost: a probe only wakes a peer that broke its promise. */
const RENDEZVOUS_RELIABLE_MAX_US = 30_000_000;

/** Of a flow that measures none; never written. */
const NO_RTT = new RttEstimator();

/** The sending half: the run, its sender timer, retransmission and window probes. Made by the first write. */
export class Sender {
  readonly window: SendWindow;
  /** `null` where nothing that was sent is ever sent again. */
  readonly recovery: LossRecovery | null;
  /** Index of the PDU that `pick` chose. */
  picked = 0;
  /** What may be written and not acknowledged. */
  roomBytes: number;
  /** A rendez-vous should leave. */
  probeNow = false;
  endQueued = false;
  /** A write was refused since the last `writable`. */
  refused = false;
  private runStarted = false;
  /** No new number since so long, and the peer has forgotten the last: the next starts a run. Compared lazily. */
  private newRunAt: InstantUs = NEVER;
  private rendezvousCount = 0;
  /** The PDU that `pick` chose wants an acknowledgement at once. */
  private asks = false;
  /** Its PDUs carry times. */
  private readonly isTimed: boolean;
  private readonly params: FrcpParams;
  private times: FrcpTimes;
  private readonly timers: TimerTable;
  private readonly stats: FrcpStats;

  constructor(params: FrcpParams, times: FrcpTimes, timers: TimerTable, stats: FrcpStats) {
    this.params = params;
    this.times = times;
    this.timers = timers;
    this.stats = stats;
    const retains = params.reliable && (params.movable || !params.lowerReliable);
    this.window = new SendWindow(retains, times.overheadBytes);
    const loses = retains || !params.lowerReliable;
    this.recovery = loses ? new LossRecovery(params, times, this.window, timers, stats) : null;
    this.roomBytes = this.recovery?.congestion == null ? params.windowBytes : params.windowFirstBytes;
    this.isTimed = sendsTimes(params);
    this.window.edge = params.wire === null ? params.windowPdus : params.wire.startWindowPdus;
    this.window.edgePos = params.windowFirstBytes;
  }

  /** Nothing is queued, wanted or owed; what acknowledgements reset is as new. */
  get isQuiet(): boolean {
    return this.window.una === this.window.tail && !this.probeNow && !this.endQueued && !this.refused;
  }

  remember(): DormantSender {
    const { window, runStarted, newRunAt } = this;
    const { una: index, unaPos: pos, edge, edgePos, base } = window;
    const { srttUs, rttvarUs, minUs } = this.rtt;
    return { index, pos, edge, edgePos, base, runStarted, newRunAt, srttUs, rttvarUs, minUs };
  }

  recall(was: DormantSender): void {
    const { window, recovery } = this;
    window.una = window.nxt = window.tail = window.lostHint = window.sackHigh = window.plainFrom = was.index;
    window.unaPos = window.nxtPos = window.tailPos = was.pos;
    window.edge = was.edge;
    window.edgePos = was.edgePos;
    window.base = was.base;
    this.runStarted = was.runStarted;
    this.newRunAt = was.newRunAt;
    if (recovery === null) return;
    recovery.rtt.srttUs = was.srttUs;
    recovery.rtt.rttvarUs = was.rttvarUs;
    recovery.rtt.minUs = was.minUs;
  }

  private get rtt(): RttEstimator {
    return this.recovery === null ? NO_RTT : this.recovery.rtt;
  }

  get started(): boolean {
    return this.runStarted;
  }

  /** Room for an SDU: always when nothing is queued, else within window sizes. */
  hasRoomFor(bytes: number): boolean {
    const window = this.window;
    const pdus = window.queuedPdus;
    if (pdus === 0) return true;
    if (window.queuedBytes + bytes > this.roomBytes && !this.widenRoom(bytes)) return false;
    const max = this.times.payloadMaxBytes;
    return pdus + (bytes <= max ? 1 : Math.ceil(bytes / max)) <= this.params.windowPdus;
  }

  /** Memory for what is written pays only where the path holds much of it. */
  //= R-FRCP-108
  private widenRoom(bytes: number): boolean {
    const { window, roomBytes, params, recovery } = this;
    const congestion = recovery === null ? null : recovery.congestion;
    if (congestion === null || 2 * window.flightBytes < roomBytes || congestion.isQueueing) return false;
    this.roomBytes = Math.min(2 * roomBytes, params.windowBytes);
    return window.queuedBytes + bytes <= this.roomBytes;
  }

  /** Size of the PDU in which an SDU may leave now and without a copy of it being kept; 0: it may not. */
  passingBytes(sduBytes: number): number {
    const { window, params } = this;
    if (window.retains || window.nxt !== window.tail || sduBytes > this.times.payloadMaxBytes) return 0;
    if (!this.hasRoomFor(sduBytes) || (params.reliable && !window.covers(sduBytes))) return 0;
    return sduBytes + this.times.overheadBytes;
  }

  /** Takes an SDU of so many bytes that {@link passingBytes} let pass; its PDU is picked. */
  pass(now: InstantUs, sduBytes: number): void {
    const { window } = this;
    if (window.nxt === window.una) this.startRunIfDue(now);
    this.picked = window.nxt;
    window.appendPassing(sduBytes, now | 0);
    this.noteNewNumber(now);
  }

  append(sdu: Uint8Array): void {
    if (this.params.stream) this.window.appendBytes(sdu, this.times.payloadMaxBytes);
    else this.window.append(sdu, this.times.payloadMaxBytes);
  }

  appendEnd(): void {
    this.endQueued = true;
    this.window.appendEnd();
  }

  /** Chooses the next PDU: a lost one, else a new one that both windows cover. False when there is none. */
  pick(now: InstantUs): boolean {
    const { window, recovery } = this;
    if (recovery !== null && window.lostCount > 0 && this.pickLost(now, recovery)) return true;
    if (window.nxt === window.tail) return false;
    if (this.params.reliable && !window.mayTransmit()) {
      this.armRendezvous(now);
      return false;
    }
    const bytes = window.lengthOf(window.nxt) + this.times.overheadBytes;
    if (recovery !== null && !recovery.mayTransmit(now, bytes)) return false;
    if (window.nxt === window.una) this.startRunIfDue(now);
    else if (this.sleptOver(now)) return false;
    this.picked = window.nxt;
    window.markFirstTransmission(now | 0);
    this.noteNewNumber(now);
    if (recovery !== null) this.asks = recovery.onTransmit(now, bytes);
    return true;
  }

  private noteNewNumber(now: InstantUs): void {
    const { timers } = this;
    this.newRunAt = now + this.times.senderTimerUs;
    if (timers.rtxAt === NEVER && this.params.reliable) this.armRtx(now);
    if (timers.rendezvousAt !== NEVER) this.disarmRendezvous();
  }

  /** Number and place of the picked PDU if what is under way has been cut into segments. */
  stampSegment(pci: Pci): void {
    const { segments } = this.window;
    if (segments === null || !segments.covers(this.picked)) return;
    if (segments.stamp(this.picked, pci, this.window)) this.stats.segmentsSent++;
  }

  /** After the picked PDU was written out: on a flow without retransmission it is done with. */
  //= R-FRCP-61
  afterTransmit(now: InstantUs): void {
    if (this.params.reliable) return;
    if ((this.window.flagsOf(this.picked) & FLAG.END) === 0) this.window.dropFirst();
    else if (this.timers.rtxAt === NEVER) this.armRtx(now);
  }

  /** Our process slept for so long that all it had under way is too old, by times that 32 bits may not hold. */
  private sleptOver(now: InstantUs): boolean {
    return now >= this.newRunAt && this.params.reliable && !this.params.lowerReliable;
  }

  private isPastR(now: InstantUs, index: number): boolean {
    return this.sleptOver(now) || (((now | 0) - this.window.firstSentOf(index)) | 0) > this.params.rUs;
  }

  //= R-FRCP-44
  private pickLost(now: InstantUs, recovery: LossRecovery): boolean {
    const { window } = this;
    const nowI32 = now | 0;
    while (window.lostCount > 0 && recovery.copiesAllowed > 0) {
      const bytes = window.sizeAt(window.firstLost());
      if (!recovery.mayTransmit(now, bytes)) return false;
      const index = window.takeLost(nowI32);
      if (this.isPastR(now, index)) continue;
      this.picked = index;
      recovery.copiesAllowed--;
      this.asks = recovery.onTransmit(now, bytes);
      this.stats.retransmits++;
      if (this.timers.rtxAt === NEVER) this.armRtx(now);
      return true;
    }
    return false;
  }

  /** Nothing is unacknowledged: if the peer may have forgotten the run, the next number is drawn anew. */
  //= R-FRCP-21
  private startRunIfDue(now: InstantUs): void {
    const { lowerReliable, wire } = this.params;
    if (this.runStarted && (lowerReliable || wire !== null || now < this.newRunAt)) return;
    const window = this.window;
    const last = (window.nxt + window.base) | 0;
    let first = this.params.randomU32() | 0;
    //= R-FRCP-22
    if (this.runStarted && Math.abs((first - last) | 0) < RUN_DISTANCE) first ^= 0x8000_0000;
    window.base = (first - window.nxt) | 0;
    this.runStarted = true;
    this.stats.runsStarted++;
  }

  /** The peer must learn our numbers before it hears anything else of us: DRF, and the oldest that may be missing. */
  //= R-FRCP-93
  stampForeignControl(now: InstantUs, pci: Pci): void {
    if (!this.runStarted) this.startRunIfDue(now);
    pci.flags |= FLAG.DRF;
    pci.seq = (this.window.una + this.window.base) | 0;
  }

  private armRtx(now: InstantUs): void {
    //= R-FRCP-48
    if (this.params.lowerReliable) this.timers.rtxAt = now + this.rendezvousDelay();
    else this.recovery?.arm(now);
  }

  /** The time of sending, and whether the peer should answer at once. */
  stampTimes(now: InstantUs, pci: Pci): void {
    pci.asks = this.asks;
    pci.timed = this.isTimed;
    pci.echo = 0;
    // Zero says that no time is told.
    pci.time = now | 0 || 1;
  }

  /** Takes in acknowledgement and window. True if the peer has received something new. */
  //= R-FRCP-33
  onAck(now: InstantUs, buf: Uint8Array, pci: Pci): boolean {
    const window = this.window;
    const index = window.indexOf(pci.ack);
    const ahead = (index - window.una) | 0;
    if (!this.runStarted || ahead < 0 || ((index - window.nxt) | 0) > 0) {
      this.stats.badAcks++;
      return false;
    }
    beginNews(now | 0, pci.timed ? pci.echo : 0, this.rtt.minUs);
    if (ahead > 0) window.acknowledge(index);
    if (pci.sackRanges > 0) {
      if (window.retains) this.takeRanges(buf, pci);
      else this.stats.badAcks++;
    }
    this.takeWindow(pci);
    if (news.pdus === 0) return false;
    this.onProgress(now, ahead > 0);
    return true;
  }

  private takeRanges(buf: Uint8Array, pci: Pci): void {
    const window = this.window;
    const half = pci.rangeBytes >>> 1;
    const isOfSegments = pci.rangeBytes !== RANGE_BYTES;
    let low = isOfSegments ? (window.una - 1) | 0 : window.una;
    for (let n = 0, at = pci.sackAt; n < pci.sackRanges; n++, at += pci.rangeBytes) {
      const from = window.indexAt(readI32(buf, at), isOfSegments ? readI32(buf, at + 4) : 0, true);
      const to = window.indexAt(readI32(buf, at + half), isOfSegments ? readI32(buf, at + 12) : 0, false);
      const valid = ((from - low) | 0) > 0 && ((to - from) | 0) > 0 && ((to - window.nxt) | 0) <= 0;
      if (!valid) {
        this.stats.badAcks++;
        return;
      }
      window.selectivelyAcknowledge(from, to);
      low = to;
    }
  }

  /** The edges only move forward, and not further than a window can be wide. */
  //= R-FRCP-34
  private takeWindow(pci: Pci): void {
    const window = this.window;
    if ((pci.edge - pci.ack) >>> 0 > WINDOW_PDUS_MAX) {
      this.stats.badAcks++;
      return;
    }
    const edge = window.indexOf(pci.edge);
    if (((edge - window.edge) | 0) > 0) window.edge = edge;
    const edgePos = (window.unaPos + pci.creditBytes) | 0;
    if (((edgePos - window.edgePos) | 0) > 0) window.edgePos = edgePos;
  }

  private onProgress(now: InstantUs, movedOn: boolean): void {
    this.rendezvousCount = 0;
    this.recovery?.onDelivered(now, movedOn);
    const { window } = this;
    if (window.segments !== null && !window.segments.covers(window.una)) window.segments = null;
    if (window.una !== window.nxt) this.armRtx(now);
    else {
      this.timers.rtxAt = NEVER;
      this.newRunAt = Math.max(this.newRunAt, now + this.times.peerRunUs);
    }
  }

  onReorderTimer(now: InstantUs): void {
    this.recovery?.onReorderTimer(now);
  }

  /** False when the oldest PDU has had its time and the peer did not answer the last probe. */
  onRtxTimer(now: InstantUs): boolean {
    const { window, timers, recovery } = this;
    if (window.una === window.nxt) timers.rtxAt = NEVER;
    else if (recovery === null || this.params.lowerReliable) {
      this.stats.timeouts++;
      this.probeNow = true;
      this.rendezvousCount++;
      this.armRtx(now);
    } else {
      const verdict = recovery.onTimer(now, this.sleptOver(now));
      if (verdict === VERDICT.OVER) return false;
      if (verdict === VERDICT.ASK) this.probeNow = true;
    }
    return true;
  }

  private rendezvousDelay(): DurationUs {
    const { lowerReliable, rtoInitialUs, aUs } = this.params;
    const { recovery } = this;
    const firstUs = recovery === null ? rtoInitialUs + aUs : Math.max(recovery.rtoUs, rtoInitialUs);
    const maxUs = lowerReliable ? RENDEZVOUS_RELIABLE_MAX_US : RENDEZVOUS_MAX_US;
    return Math.min(maxUs, firstUs * 2 ** Math.min(this.rendezvousCount, 20));
  }

  /** The window is closed and no acknowledgement is on its way that could open it. */
  //= R-FRCP-38
  private armRendezvous(now: InstantUs): void {
    if (this.window.una !== this.window.nxt || this.timers.rendezvousAt !== NEVER) return;
    this.timers.rendezvousAt = now + this.rendezvousDelay();
  }

  private disarmRendezvous(): void {
    this.timers.rendezvousAt = NEVER;
    this.rendezvousCount = 0;
  }

  onRendezvousTimer(now: InstantUs): void {
    this.timers.rendezvousAt = NEVER;
    const window = this.window;
    if (window.nxt === window.tail || window.una !== window.nxt || window.mayTransmit()) return;
    this.probeNow = true;
    this.rendezvousCount++;
    this.armRendezvous(now);
  }

  /** Flags and number of a probe: DRF says that nothing is unacknowledged. */
  stampProbe(pci: Pci): void {
    const window = this.window;
    this.probeNow = this.asks = false;
    pci.flags = FLAG.RDVS | (window.una === window.nxt ? FLAG.DRF : 0);
    pci.seq = (window.nxt + window.base) | 0;
    this.stats.probesSent++;
  }

  /** Another lower flow carries us from now on. False if what is unacknowledged was not kept. */
  //= R-FRCP-70
  moveTo(now: InstantUs, times: FrcpTimes): boolean {
    const window = this.window;
    this.newRunAt += times.senderTimerUs - this.times.senderTimerUs;
    this.times = times;
    this.timers.reorderAt = this.timers.rtxAt = this.timers.paceAt = NEVER;
    this.disarmRendezvous();
    if ((!window.retains && window.nxtPos !== window.unaPos) || !this.canCut(times)) return false;
    recut(window, times, this.params.stream);
    this.recovery?.moveTo(now, times);
    if (window.una !== window.nxt) this.armRtx(now);
    return true;
  }

  /** The same lower flow carries PDUs of another size. False if what is there cannot be cut to fit. */
  //= R-FRCP-78
  changeMtu(now: InstantUs, times: FrcpTimes): boolean {
    if (!this.canCut(times)) return false;
    this.times = times;
    const isCut = recut(this.window, times, this.params.stream);
    this.recovery?.changeMtu(now, times, isCut);
    if (isCut) this.armRtx(now);
    return true;
  }

  private canCut({ payloadMaxBytes }: FrcpTimes): boolean {
    return this.params.wire === null || longestBefore(this.window, this.window.tail) <= payloadMaxBytes;
  }

  inspect(): Readonly<Record<string, unknown>> {
    const { window } = this;
    const una = window.numberOf(window.una);
    return {
      nextSeq: (window.nxt + window.base) >>> 0,
      inFlightPdus: (window.numberOf(window.nxt) - una) | 0,
      inFlightPieces: window.segments === null ? null : window.inFlightPdus,
      queuedPdus: (window.numberOf(window.tail) - una) | 0,
      queuedBytes: window.queuedBytes,
      unackedSdus: window.unackedSdus,
      windowPdus: (window.numberOf(window.edge) - una) | 0,
      windowBytes: (window.edgePos - window.unaPos) | 0,
      ringBytes: window.ringBytes,
      lostPdus: window.lostCount,
      flightBytes: window.flightBytes,
      timestamps: this.isTimed,
      ...(this.recovery === null ? { congestion: 'none' } : this.recovery.inspect()),
      newRunAt: this.newRunAt,
    };
  }
}

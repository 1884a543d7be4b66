import { copyAll } from './copy-bytes.ts';
import { dormantOf, type Dormant } from './dormant.ts';
import { EVENT, eventOf, type FrcpDownReason, type FrcpEvent } from './events.ts';
import { deriveTimes, initialTimes, type FrcpParams, type FrcpTimes, type LowerFlow } from './params.ts';
import {
  decodePci,
  encodePci,
  FLAG,
  newPci,
  PCI_ACK_BYTES,
  sealTrailer,
  TRAILER_BYTES,
  openTrailer,
} from './pci.ts';
import { ACCEPT } from './receive-window.ts';
import { Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import { isBelievableReset, stampEcho, stampReset } from './stateless-answers.ts';
import { FrcpStats } from './stats.ts';
import type { DurationUs, InstantUs } from './time.ts';
import { NEVER, TimerTable } from './timer-table.ts';

/** `would-block`: {@link FrcpEvent} `writable` follows. `too-large`: over `sduMaxBytes`. `closed`: no more writes. */
export type WriteOutcome = 'queued' | 'would-block' | 'too-large' | 'closed';

const PHASE = { OPEN: 0, CLOSING: 1, CLOSED: 2, DOWN: 3, DRAINED: 4 } as const;
type Phase = (typeof PHASE)[keyof typeof PHASE];
const PHASE_NAMES = ['open', 'closing', 'closed', 'down', 'drained'];

/**
 * So long after it was woken, and again, a connection with nothing to do is folded to what it must remember. Small
 * buffers go back as soon as they are empty, large ones then.
 */
const RELEASE_US = 10_000_000;

/** Timers of those that are not awake; never set. */
const NO_TIMERS = new TimerTable();

/** Headers are decoded into and encoded from these two; every call finishes with them before it returns. */
const incoming = newPci();
const outgoing = newPci();

/**
 * One end of a flow: a value machine. It owns no clock, timer or socket; every input carries `now`, which never
 * decreases. After any input poll `pollTransmit`, `pollEvent`, `read` and `nextTimeout` until they are empty.
 * The protocol is docs/spec/frcp.md.
 */
export class FrcpConnection {
  readonly stats: FrcpStats = new FrcpStats();
  private readonly params: FrcpParams;
  private times: FrcpTimes;
  private mplUs: DurationUs;
  private timers = NO_TIMERS;
  private dormant: Dormant | null = null;
  private tx: Sender | null = null;
  private rx: Receiver | null = null;
  private phase: Phase = PHASE.OPEN;
  private events = 0;
  private resetNow = false;
  private downReason: FrcpDownReason = 'gave-up';
  private downUnacked = 0;
  /** A probe came while the peer has no run here: answer with its own number and our window. */
  private echoNow = false;
  private echoSeq = 0;
  private endTold = false;

  constructor(params: FrcpParams, _now: InstantUs) {
    this.params = params;
    this.mplUs = params.mplUs;
    this.times = initialTimes(params);
  }

  /** Copies an SDU of 0 to `sduMaxBytes` bytes into the send buffer. */
  write(now: InstantUs, sdu: Uint8Array): WriteOutcome {
    if (this.phase !== PHASE.OPEN) return 'closed';
    if (sdu.length > this.params.sduMaxBytes) return 'too-large';
    this.wake(now);
    const tx = (this.tx ??= this.newSender());
    if (!tx.hasRoomFor(sdu.length)) {
      tx.refused = true;
      return 'would-block';
    }
    tx.append(sdu);
    this.stats.sdusWritten++;
    return 'queued';
  }

  /** Size of the PDU in which an SDU of so many bytes may leave at once by {@link pass}; 0: it takes `write`. */
  passingBytes(now: InstantUs, sduBytes: number): number {
    if (this.phase !== PHASE.OPEN) return 0;
    this.wake(now);
    return (this.tx ??= this.newSender()).passingBytes(sduBytes);
  }

  /** Writes an SDU and transmits it at `out[offset]` in one, after {@link passingBytes} allowed it. Returns the size. */
  pass(now: InstantUs, sdu: Uint8Array, out: Uint8Array, offset: number): number {
    const tx = this.tx!;
    tx.window.appendPassing(sdu.length);
    this.stats.sdusWritten++;
    tx.pick(now);
    return this.transmitData(now, tx, sdu, out, offset);
  }

  private newSender(): Sender {
    return new Sender(this.params, this.times, this.timers, this.stats);
  }

  private newReceiver(): Receiver {
    return new Receiver(this.params, this.timers, this.stats);
  }

  private wake(now: InstantUs): void {
    if (this.timers !== NO_TIMERS) return;
    this.timers = new TimerTable();
    this.timers.releaseAt = now + RELEASE_US;
    const { dormant } = this;
    if (dormant === null) return;
    this.dormant = null;
    if (dormant.tx !== null) (this.tx = this.newSender()).recall(dormant.tx);
    if (dormant.rx !== null) (this.rx = this.newReceiver()).recall(dormant.rx);
  }

  /** Takes in a PDU, `buf[start, end)`, which must not be written again. Never throws on its content. */
  handlePdu(now: InstantUs, buf: Uint8Array, start: number, end: number): void {
    if (this.phase === PHASE.DRAINED) return;
    this.wake(now);
    this.stats.pdusReceived++;
    const { integrity, crc32 } = this.params;
    if (!(integrity ? openTrailer(buf, start, end, incoming, crc32) : decodePci(buf, start, end, incoming))) {
      this.stats.malformed++;
      return;
    }
    const flags = incoming.flags;
    if ((flags & FLAG.RESET) !== 0) {
      this.onReset();
      return;
    }
    if (this.phase === PHASE.DOWN) {
      this.resetNow ||= (flags & FLAG.DATA) !== 0;
      return;
    }
    if ((flags & FLAG.ACK) !== 0) this.onAck(now, buf);
    if ((flags & FLAG.DATA) !== 0) this.onData(now, buf);
    else if ((flags & FLAG.RDVS) !== 0) this.onRendezvous(now);
  }

  private onAck(now: InstantUs, buf: Uint8Array): void {
    const tx = this.tx;
    if (tx === null) {
      this.stats.badAcks++;
      return;
    }
    if (!tx.onAck(now, buf, incoming)) return;
    if (tx.refused && tx.window.queuedBytes <= this.params.windowBytes >>> 1) this.tellWritable(tx);
    if (this.phase === PHASE.CLOSING) this.finishClose(now);
  }

  private tellWritable(tx: Sender): void {
    if (tx.window.queuedPdus > this.params.windowPdus >>> 1) return;
    tx.refused = false;
    if (this.phase === PHASE.OPEN) this.events |= EVENT.WRITABLE;
  }

  private onData(now: InstantUs, buf: Uint8Array): void {
    let rx = this.rx;
    if (rx === null) {
      //= R-FRCP-30
      if ((incoming.flags & FLAG.DRF) === 0) {
        this.stats.noRun++;
        return;
      }
      rx = this.rx = this.newReceiver();
      rx.openRun(incoming.seq);
      rx.window.discarding = this.phase >= PHASE.CLOSING;
    }
    const window = rx.window;
    const readableBefore = window.queue.length;
    const acceptance = rx.onData(now, buf, incoming, this.times);
    if (acceptance === ACCEPT.IN_ORDER) {
      if (window.queue.length !== readableBefore) this.events |= EVENT.READABLE;
      if (window.ended) this.onEnd(now);
    } else if (acceptance === ACCEPT.VIOLATION) this.goDown(now, 'protocol-violation');
  }

  private onEnd(now: InstantUs): void {
    if (this.endTold) return;
    this.endTold = true;
    this.events |= EVENT.END;
    if (this.phase === PHASE.CLOSING) this.finishClose(now);
    else if (this.phase === PHASE.CLOSED) this.timers.lingerAt = this.lingerUntil(now);
  }

  //= R-FRCP-39
  private onRendezvous(now: InstantUs): void {
    const rx = this.rx;
    if (rx !== null && !rx.runOver(now)) {
      rx.ackNow = true;
      return;
    }
    if ((incoming.flags & FLAG.DRF) === 0) return;
    this.echoNow = true;
    this.echoSeq = incoming.seq;
  }

  private onReset(): void {
    if (!isBelievableReset(incoming, this.tx, this.rx)) {
      this.stats.badAcks++;
      return;
    }
    if (this.phase === PHASE.CLOSED || this.phase === PHASE.DOWN) this.drain();
    else {
      this.fail('reset');
      this.drain();
    }
  }

  /** Deadlines that have come. Extra calls change nothing. Hand in packets first. */
  handleTimeout(now: InstantUs): void {
    const timers = this.timers;
    if (timers.ackAt <= now) {
      timers.ackAt = NEVER;
      if (this.rx !== null) this.rx.ackNow = true;
    }
    if (timers.lingerAt <= now) this.onLinger(now);
    if (timers.releaseAt <= now) this.releaseBuffers(now);
    const tx = this.tx;
    if (tx === null || this.phase >= PHASE.CLOSED) return;
    if (timers.reorderAt <= now) tx.onReorderTimer(now);
    if (timers.rendezvousAt <= now) tx.onRendezvousTimer(now);
    if (timers.rtxAt <= now && !tx.onRtxTimer(now)) this.giveUp(now);
  }

  /** G has passed. If only the end marker is unanswered, all SDUs have arrived and the close is done. */
  //= R-FRCP-47
  private giveUp(now: InstantUs): void {
    if (this.phase === PHASE.CLOSING && this.unackedSdus === 0) this.closed(now);
    else this.goDown(now, 'gave-up');
  }

  private releaseBuffers(now: InstantUs): void {
    const { tx, rx, timers } = this;
    if (tx !== null && tx.window.una === tx.window.tail) tx.window.release();
    if (rx !== null && rx.window.queue.length === 0) rx.window.queue.release();
    timers.releaseAt = NEVER;
    if (!this.fold()) timers.releaseAt = now + RELEASE_US;
  }

  private fold(): boolean {
    const busy =
      this.phase !== PHASE.OPEN || this.events !== 0 || this.echoNow || this.timers.next() !== NEVER;
    this.dormant = busy ? null : dormantOf(this.tx, this.rx);
    if (this.dormant === null) return false;
    this.tx = this.rx = null;
    this.timers = NO_TIMERS;
    return true;
  }

  /**
   * Writes the next PDU, at most `mtuBytes`, at `out[offset]`. Returns its size; 0 when there is nothing to send.
   * Every copy carries the acknowledgement and window of now.
   */
  pollTransmit(now: InstantUs, out: Uint8Array, offset: number): number {
    if (this.phase >= PHASE.DOWN) return this.resetNow ? this.transmitReset(out, offset) : 0;
    const tx = this.tx;
    if (tx !== null) {
      if (tx.pick(now)) return this.transmitData(now, tx, null, out, offset);
      if (tx.probeNow) return this.transmitProbe(now, tx, out, offset);
    }
    const rx = this.rx;
    if (rx !== null && rx.ackNow) return this.transmitAck(now, rx, out, offset);
    return this.echoNow ? this.transmitEcho(out, offset) : 0;
  }

  private transmitData(now: InstantUs, tx: Sender, sdu: Uint8Array | null, out: Uint8Array, offset: number) {
    const { window, picked: index } = tx;
    const pci = outgoing;
    pci.flags = FLAG.DATA | window.flagsOf(index);
    pci.seq = (index + window.base) | 0;
    pci.sackRanges = 0;
    const rx = this.rx;
    if (rx !== null && rx.tellsNews) rx.stamp(now, pci);
    else pci.ack = pci.edge = pci.creditBytes = 0;
    const at = offset + encodePci(out, offset, pci);
    const end = at + (sdu === null ? window.copyOut(index, out, at) : copyAll(sdu, out, at));
    tx.afterTransmit(now);
    if (!this.params.reliable && tx.refused) this.tellWritable(tx);
    if (this.phase === PHASE.CLOSING) this.finishClose(now);
    return this.seal(out, offset, end);
  }

  private transmitProbe(now: InstantUs, tx: Sender, out: Uint8Array, offset: number): number {
    const pci = outgoing;
    tx.stampProbe(pci);
    pci.sackRanges = 0;
    if (this.rx !== null) this.rx.stamp(now, pci);
    else pci.ack = pci.edge = pci.creditBytes = 0;
    return this.seal(out, offset, offset + encodePci(out, offset, pci));
  }

  private transmitAck(now: InstantUs, rx: Receiver, out: Uint8Array, offset: number): number {
    const pci = outgoing;
    const room = this.times.mtuBytes - PCI_ACK_BYTES - (this.params.integrity ? TRAILER_BYTES : 0);
    rx.stampBare(now, pci, out, offset + PCI_ACK_BYTES, room);
    this.stats.acksSent++;
    return this.seal(out, offset, offset + encodePci(out, offset, pci) + pci.sackRanges * 8);
  }

  private transmitEcho(out: Uint8Array, offset: number): number {
    this.echoNow = false;
    stampEcho(outgoing, this.echoSeq, this.rx, this.params);
    this.stats.acksSent++;
    return this.seal(out, offset, offset + encodePci(out, offset, outgoing));
  }

  private transmitReset(out: Uint8Array, offset: number): number {
    this.resetNow = false;
    stampReset(outgoing, this.tx, this.rx);
    return this.seal(out, offset, offset + encodePci(out, offset, outgoing));
  }

  private seal(out: Uint8Array, start: number, end: number): number {
    this.stats.pdusSent++;
    return this.params.integrity ? sealTrailer(out, start, end, this.params.crc32) : end - start;
  }

  /** The next SDU: a view of what was handed in when it came in one piece. Reading opens the window. */
  read(): Uint8Array | null {
    return this.rx === null ? null : this.rx.read();
  }

  /** All that was written has arrived, and so has or will the end. */
  get isClosed(): boolean {
    return this.phase === PHASE.CLOSED;
  }

  /** An acknowledgement or a wider window should leave. */
  get ackDue(): boolean {
    return this.rx !== null && this.rx.ackNow;
  }

  get readableSdus(): number {
    return this.rx === null ? 0 : this.rx.window.queue.length;
  }

  /** SDUs written and not acknowledged by the peer's FRCP. */
  get unackedSdus(): number {
    return this.tx === null ? 0 : this.tx.window.unackedSdus;
  }

  /** Bytes of the send buffer in use. */
  get queuedBytes(): number {
    return this.tx === null ? 0 : this.tx.window.queuedBytes;
  }

  /** The next thing to tell, coalesced: one `readable` however many SDUs came. */
  pollEvent(): FrcpEvent | null {
    const events = this.events;
    if (events === 0) return null;
    const bit = events & -events;
    this.events = events & ~bit;
    if (bit === EVENT.DOWN) return { type: 'down', reason: this.downReason, unackedSdus: this.downUnacked };
    return eventOf(bit, this.rx !== null && this.rx.window.cutSdu);
  }

  /** When to call {@link handleTimeout}; `null`: not before another input. */
  nextTimeout(): InstantUs | null {
    const at = this.timers.next();
    return at === NEVER ? null : at;
  }

  /**
   * Ends the flow after all that was written: `closed` when all of it is acknowledged. From now on what arrives
   * is acknowledged and dropped; what is readable already stays so.
   */
  //= R-FRCP-50
  close(now: InstantUs): void {
    if (this.phase !== PHASE.OPEN) return;
    this.wake(now);
    this.phase = PHASE.CLOSING;
    const tx = (this.tx ??= this.newSender());
    tx.appendEnd();
    if (this.rx !== null) {
      this.rx.window.discarding = true;
      this.rx.ackNow = this.params.reliable;
    }
    this.finishClose(now);
  }

  /** Done when all SDUs are acknowledged, and the marker too unless the peer has ended or none can be lost. */
  //= R-FRCP-52
  private finishClose(now: InstantUs): void {
    const window = this.tx!.window;
    if (window.unackedSdus !== 0) return;
    const isCertain = this.params.lowerReliable || (this.rx !== null && this.rx.window.ended);
    if (window.una === window.tail || (isCertain && window.nxt === window.tail)) this.closed(now);
  }

  private closed(now: InstantUs): void {
    this.phase = PHASE.CLOSED;
    this.events |= EVENT.CLOSED;
    this.stopSending();
    if (this.rx !== null && this.params.reliable) this.rx.ackNow ||= this.rx.owesAck;
    this.timers.lingerAt = this.lingerUntil(now);
  }

  /** The remnant answers copies until none can come: Rt after the last it accepted. */
  //= R-FRCP-53
  private lingerUntil(now: InstantUs): InstantUs {
    const rx = this.rx;
    if (rx !== null && rx.window.ended && this.params.lowerReliable) return now + this.params.aUs;
    if (rx !== null && rx.window.ended && rx.expiresAt !== NEVER) return rx.expiresAt;
    return now + this.times.receiverTimerUs;
  }

  /** A peer that goes on sending keeps the remnant: its copies still want their answers. */
  private onLinger(now: InstantUs): void {
    const rx = this.rx;
    const busy = this.phase === PHASE.CLOSED && rx !== null && !rx.window.ended && !rx.runOver(now);
    if (busy && rx.expiresAt !== NEVER && rx.expiresAt > now) this.timers.lingerAt = rx.expiresAt;
    else this.drain();
  }

  private stopSending(): void {
    const { tx, timers } = this;
    timers.rtxAt = timers.reorderAt = timers.rendezvousAt = timers.releaseAt = NEVER;
    if (tx === null) return;
    tx.probeNow = false;
    tx.window.abandon();
  }

  /** Ends the flow at once, on both sides; what is not acknowledged may be lost. */
  abort(now: InstantUs): void {
    if (this.phase >= PHASE.DOWN) return;
    this.wake(now);
    this.phase = PHASE.DOWN;
    this.resetNow = true;
    this.leave(now);
  }

  private goDown(now: InstantUs, reason: FrcpDownReason): void {
    this.fail(reason);
    this.resetNow = true;
    this.leave(now);
  }

  private fail(reason: FrcpDownReason): void {
    this.downReason = reason;
    this.downUnacked = this.unackedSdus;
    this.phase = PHASE.DOWN;
    this.events |= EVENT.DOWN;
  }

  private leave(now: InstantUs): void {
    this.events &= ~EVENT.WRITABLE;
    this.stopSending();
    this.timers.clear();
    const { mplUs, params } = this;
    this.timers.lingerAt = now + (params.lowerReliable ? params.aUs : 2 * mplUs + params.aUs);
  }

  private drain(): void {
    this.stopSending();
    this.phase = PHASE.DRAINED;
    this.events |= EVENT.DRAINED;
    this.timers.clear();
  }

  /**
   * Another lower flow carries this one: numbers go on, path estimates start anew, what is unacknowledged is sent
   * again within R of its first transmission. The life of old PDUs counts as the longer of the two.
   */
  moveLower(now: InstantUs, lower: LowerFlow): void {
    this.wake(now);
    this.mplUs = Math.max(this.mplUs, lower.mplUs);
    this.times = deriveTimes(this.params, this.mplUs, lower.mtuBytes);
    if (this.phase >= PHASE.CLOSED) return;
    if (this.rx !== null) this.rx.ackNow = true;
    if (this.tx !== null && !this.tx.moveTo(now, this.times)) this.goDown(now, 'gave-up');
  }

  /** Copies what is unread out of the buffers it came in, so that those can be freed. */
  compact(): void {
    if (this.rx !== null) this.rx.window.compact();
  }

  /** The state, for people. */
  inspect(): Readonly<Record<string, unknown>> {
    const { tx, rx, dormant } = this;
    return {
      phase: PHASE_NAMES[this.phase],
      ...(dormant !== null && { dormant }),
      send: tx === null ? null : tx.inspect(),
      receive: rx === null ? null : rx.inspect(),
      timers: { ...this.timers },
      times: this.times,
      stats: { ...this.stats },
    };
  }
}

import { copyAll } from './copy-bytes.ts';
import { unfold } from './dormant.ts';
import { EVENT, eventOf, type FrcpEvent } from './events.ts';
import { LifeCycle, PHASE, PHASE_NAMES } from './life-cycle.ts';
import { checkLower, deriveTimes, type LowerFlow } from './params.ts';
import {
  decodePci,
  encodePci,
  FLAG,
  newPci,
  sealTrailer,
  TRAILER_BYTES,
  trailerMatches,
  openTrailer,
  type Pci,
} from './pci.ts';
import { ACCEPT } from './receive-window.ts';
import type { Receiver } from './receiver.ts';
import type { Sender } from './sender.ts';
import { stampEcho, stampReset } from './stateless-answers.ts';
import type { InstantUs } from './time.ts';
import { NEVER } from './timer-table.ts';
import type { Wire } from './wire.ts';

/** `would-block`: {@link FrcpEvent} `writable` follows. `too-large`: over `sduMaxBytes`. `closed`: no more writes. */
export type WriteOutcome = 'queued' | 'would-block' | 'too-large' | 'closed';

/** Headers are decoded into and encoded from these two; every call finishes with them before it returns. */
const incoming = newPci();
const outgoing = newPci();

/**
 * One end of a flow: a value machine. It owns no clock, timer or socket; every input carries `now`, which never
 * decreases. After any input poll `pollTransmit`, `pollEvent`, `read` and `nextTimeout` until they are empty.
 * The protocol is docs/spec/frcp.md.
 */
export class FrcpConnection extends LifeCycle {
  private echoSeq = 0;

  /** Copies an SDU, or bytes of a stream, of 0 to `sduMaxBytes` bytes into the send buffer. */
  write(now: InstantUs, sdu: Uint8Array): WriteOutcome {
    if (this.phase !== PHASE.OPEN) return 'closed';
    if (sdu.length > this.times.sduMaxBytes) return 'too-large';
    this.wake(now);
    const tx = (this.tx ??= this.newSender());
    if (!tx.hasRoomFor(sdu.length)) {
      tx.refused = true;
      return 'would-block';
    }
    tx.append(sdu);
    this.counts.sdusWritten++;
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
    tx.pass(now, sdu.length);
    this.counts.sdusWritten++;
    return this.transmitData(now, tx, sdu, out, offset);
  }

  /** Takes in a PDU, `buf[start, end)`, which must not be written again. Never throws on its content. */
  handlePdu(now: InstantUs, buf: Uint8Array, start: number, end: number): void {
    if (this.phase === PHASE.DRAINED) return;
    this.wake(now);
    this.counts.pdusReceived++;
    const { integrity, crc32, wire } = this.params;
    if (wire !== null) {
      if (start === end) return; // a keepalive of its layer
      if (!this.decodeForeign(wire, buf, start, end)) {
        this.counts.malformed++;
        return;
      }
    } else if (
      !(integrity ? openTrailer(buf, start, end, incoming, crc32) : decodePci(buf, start, end, incoming))
    ) {
      this.counts.malformed++;
      return;
    }
    const flags = incoming.flags;
    if ((flags & FLAG.RESET) !== 0) {
      this.onReset(incoming);
      return;
    }
    if (this.phase === PHASE.DOWN) {
      this.resetNow ||= (flags & FLAG.DATA) !== 0 && this.params.wire === null;
      return;
    }
    if ((flags & FLAG.ACK) !== 0) this.onAck(now, buf);
    if ((flags & FLAG.DATA) !== 0) this.onData(now, buf);
    else if ((flags & FLAG.RDVS) !== 0) this.onRendezvous(now);
  }

  private decodeForeign(wire: Wire, buf: Uint8Array, start: number, end: number): boolean {
    const { integrity, crc32 } = this.params;
    if (integrity && !trailerMatches(buf, start, end, crc32)) return false;
    const window = this.tx === null ? null : this.tx.window;
    return wire.decode(buf, start, integrity ? end - TRAILER_BYTES : end, incoming, window);
  }

  private encode(now: InstantUs, out: Uint8Array, offset: number, pci: Pci): number {
    return this.params.wire === null
      ? encodePci(out, offset, pci)
      : this.encodeForeign(now, this.params.wire, out, offset, pci);
  }

  /** Acknowledges nothing of a run that the peer may have left: it would take it for its next one. */
  //= R-FRCP-94
  private encodeForeign(now: InstantUs, wire: Wire, out: Uint8Array, offset: number, pci: Pci): number {
    const isControl = (pci.flags & FLAG.DATA) === 0;
    const isStale = this.rx !== null && this.rx.runOver(now);
    if (isStale && !isControl) pci.flags &= ~FLAG.ACK;
    if (isStale || !this.params.reliable) pci.flags |= FLAG.WINDOW_ONLY;
    if (isControl) (this.tx ??= this.newSender()).stampForeignControl(now, pci);
    return wire.encode(out, offset, pci);
  }

  private onAck(now: InstantUs, buf: Uint8Array): void {
    const tx = this.tx;
    if (tx === null) {
      this.counts.badAcks++;
      return;
    }
    if (!tx.onAck(now, buf, incoming)) return;
    if (tx.refused && tx.window.queuedBytes <= tx.roomBytes >>> 1) this.tellWritable(tx);
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
        this.counts.noRun++;
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

  //= R-FRCP-39
  private onRendezvous(now: InstantUs): void {
    const rx = this.rx;
    if (rx !== null && (this.params.wire !== null || !rx.runOver(now))) {
      rx.ackNow = true;
      return;
    }
    if (this.params.wire !== null) return;
    if ((incoming.flags & FLAG.DRF) === 0) return;
    this.echoNow = true;
    this.echoSeq = incoming.seq;
  }

  /** Deadlines that have come. Extra calls change nothing. Hand in packets first. */
  handleTimeout(now: InstantUs): void {
    const timers = this.timers;
    if (timers.ackAt <= now) {
      timers.ackAt = NEVER;
      if (this.rx !== null) this.rx.ackNow = true;
    }
    if (timers.windowAt <= now) this.rx!.repeatWindow(now);
    if (timers.lingerAt <= now) this.onLinger(now);
    if (timers.releaseAt <= now) this.releaseBuffers(now);
    const tx = this.tx;
    if (tx === null || this.phase >= PHASE.CLOSED) return;
    if (timers.paceAt <= now) timers.paceAt = NEVER;
    if (timers.reorderAt <= now) tx.onReorderTimer(now);
    if (timers.rendezvousAt <= now) tx.onRendezvousTimer(now);
    if (timers.rtxAt <= now && !tx.onRtxTimer(now)) this.giveUp(now);
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
    tx.stampTimes(now, pci);
    const rx = this.rx;
    if (rx !== null && rx.tellsNews) rx.stamp(now, pci);
    //= R-FRCP-02
    else pci.ack = pci.edge = pci.creditBytes = 0;
    if (window.segments !== null) tx.stampSegment(pci);
    const at = offset + this.encode(now, out, offset, pci);
    const end = at + (sdu === null ? window.copyOut(index, out, at) : copyAll(sdu, out, at));
    pci.pduBytes = 0;
    tx.afterTransmit(now);
    if (!this.params.reliable && tx.refused) this.tellWritable(tx);
    if (this.phase === PHASE.CLOSING) this.finishClose(now);
    return this.seal(out, offset, end);
  }

  private transmitProbe(now: InstantUs, tx: Sender, out: Uint8Array, offset: number): number {
    const pci = outgoing;
    tx.stampProbe(pci);
    tx.stampTimes(now, pci);
    pci.sackRanges = 0;
    if (this.rx !== null) this.rx.stamp(now, pci);
    else pci.ack = pci.edge = pci.creditBytes = 0;
    return this.seal(out, offset, offset + this.encode(now, out, offset, pci));
  }

  private transmitAck(now: InstantUs, rx: Receiver, out: Uint8Array, offset: number): number {
    const pci = outgoing;
    const room = this.times.mtuBytes - (this.params.integrity ? TRAILER_BYTES : 0);
    rx.stampBare(now, pci, out, offset, room);
    this.counts.acksSent++;
    return this.seal(
      out,
      offset,
      offset + this.encode(now, out, offset, pci) + pci.sackRanges * pci.rangeBytes,
    );
  }

  private transmitEcho(out: Uint8Array, offset: number): number {
    this.echoNow = false;
    stampEcho(outgoing, this.echoSeq, this.rx, this.params);
    this.counts.acksSent++;
    return this.seal(out, offset, offset + encodePci(out, offset, outgoing));
  }

  private transmitReset(out: Uint8Array, offset: number): number {
    this.resetNow = false;
    stampReset(outgoing, this.tx, this.rx);
    return this.seal(out, offset, offset + encodePci(out, offset, outgoing));
  }

  private seal(out: Uint8Array, start: number, end: number): number {
    this.counts.pdusSent++;
    return this.params.integrity ? sealTrailer(out, start, end, this.params.crc32) : end - start;
  }

  /**
   * The next SDU, or at most `maxBytes` of it: a view of what was handed in when it came in one piece. The rest of an
   * SDU comes before the next one, see {@link sduEnded}. A stream gives bytes as they come. Reading opens the window.
   */
  read(maxBytes?: number): Uint8Array | null {
    if (maxBytes !== undefined && !(Number.isInteger(maxBytes) && maxBytes >= 0))
      throw new RangeError('maxBytes: must be an integer of at least 0');
    const rx = this.rx;
    if (rx === null) return null;
    return maxBytes === undefined ? rx.read() : rx.readPart(maxBytes);
  }

  /**
   * Copies the next SDU, or what fits of it, to `out[offset, end)`; of a stream, as many bytes as there are. Returns
   * how many; -1 when nothing is readable.
   */
  readInto(out: Uint8Array, offset = 0, end: number = out.length): number {
    if (!(
      Number.isInteger(offset) &&
      Number.isInteger(end) &&
      0 <= offset &&
      offset <= end &&
      end <= out.length
    ))
      throw new RangeError('offset, end: must be a range of out');
    return this.rx === null ? -1 : this.rx.readInto(out, offset, end);
  }

  /** Bytes of the next SDU, or of what is left of it; -1 when nothing is readable. */
  get nextBytes(): number {
    return this.rx === null ? -1 : this.rx.window.queue.headBytes;
  }

  /** What was read last was the end of its SDU: the next read gives the next one. Says nothing on a stream. */
  get sduEnded(): boolean {
    return this.rx === null || !this.rx.window.queue.isHeadCut;
  }

  /** An acknowledgement or a wider window should leave. */
  get ackDue(): boolean {
    return this.rx !== null && this.rx.ackNow;
  }

  get readableSdus(): number {
    return this.rx === null ? 0 : this.rx.window.queue.length;
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
    if (bit === EVENT.DOWN) return { type: 'down', ...this.failure! };
    return eventOf(bit, this.rx !== null && this.rx.window.cutSdu);
  }

  /** When to call {@link handleTimeout}; `null`: not before another input. */
  nextTimeout(): InstantUs | null {
    const at = this.timers.next();
    return at === NEVER ? null : at;
  }

  /**
   * Another lower flow carries this one: numbers go on, path estimates start anew, what is unacknowledged is sent
   * again within R of its first transmission. The life of old PDUs counts as the longer of the two.
   */
  moveLower(now: InstantUs, lower: LowerFlow): void {
    checkLower(this.params, lower);
    this.wake(now);
    const before = this.times.receiverTimerUs;
    this.times = deriveTimes(this.params, Math.max(this.times.mplUs, lower.mplUs), lower.mtuBytes);
    if (this.phase >= PHASE.CLOSED) return;
    if (this.rx !== null) this.rx.moveTo(this.times.receiverTimerUs - before);
    if (this.tx !== null && !this.tx.moveTo(now, this.times)) this.goDown(now, 'gave-up');
  }

  /**
   * The lower flow carries PDUs of another size: what was not sent is cut anew, what was sent and does not fit is sent
   * again in segments. All that was learnt of the path stays.
   */
  changeMtu(now: InstantUs, mtuBytes: number): void {
    const { mplUs } = this.times;
    checkLower(this.params, { mtuBytes, mplUs });
    this.wake(now);
    this.times = deriveTimes(this.params, mplUs, mtuBytes);
    if (this.phase >= PHASE.CLOSED) return;
    if (this.tx !== null && !this.tx.changeMtu(now, this.times)) this.goDown(now, 'gave-up');
  }

  /** Buffers that were handed in are still kept: {@link compact} gives them back. */
  get holdsBuffers(): boolean {
    return this.rx !== null && this.rx.window.holdsBuffers;
  }

  /** Copies what is unread out of the buffers it came in, so that those can be freed. */
  compact(): void {
    if (this.rx !== null) this.rx.window.compact();
  }

  /** The state, for people. With `now` it tells the times that are left. What sleeps is under `dormant`. */
  inspect(now?: InstantUs): Readonly<Record<string, unknown>> {
    const { tx, rx, folded } = this;
    const dormant = folded === null ? null : unfold(folded);
    return {
      phase: PHASE_NAMES[this.phase],
      wire: this.params.wire === null ? 'flowring' : this.params.wire.name,
      ...(dormant !== null && { dormant: { ...dormant, ...halves(...this.halvesOf(dormant), now) } }),
      ...halves(tx, rx, now),
      timers: { ...this.timers },
      times: this.times,
      stats: { ...this.stats },
    };
  }
}

function halves(tx: Sender | null, rx: Receiver | null, now?: InstantUs): Readonly<Record<string, unknown>> {
  return { send: tx === null ? null : tx.inspect(), receive: rx === null ? null : rx.inspect(now) };
}

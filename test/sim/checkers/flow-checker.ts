import { crc32 } from 'node:zlib';
import type { FrcpEvent } from '@flowring/frcp';
import { decodePci, FLAG, newPci, openTrailer, type Pci } from '../../../packages/frcp/src/pci.ts';
import type { FrcpEnd } from '../frcp-end.ts';
import { violated } from '../violation.ts';
import { checkAckLeft, checkUnacked, onAckSent, onAckTaken } from './acking.ts';
import { checkBounds, checkReadable, checkRoundTrip } from './bounds.ts';
import { checkNothingMore, onDelivered } from './delivery.ts';
import { Direction } from './direction.ts';
import { checkDrained, onClosed, onDown, onEnd } from './ending.ts';
import { checkWindowTold, noteRoom } from './granting.ts';
import { checkRunExpiry, checkRunsOpened, EXPECT, onDataTaken, type Expectation } from './receiving.ts';
import { onDataSent } from './sending.ts';

/** `inspect` is slow: it is asked once in so many turns. */
const INSPECT_EVERY = 32;

/** Not the machine's own: the oracle trusts no code under test. */
function platformCrc32(bytes: Uint8Array, start: number, end: number): number {
  return crc32(bytes.subarray(start, end));
}

/**
 * All checkers of one flow. The world calls it at every event; it throws what it finds. It reads PDUs with the codec of
 * this tree, never with the machine's under test.
 */
export class FlowChecker {
  readonly ab: Direction;
  readonly ba: Direction;
  readonly #world: { readonly nowUs: number };
  readonly #sent = newPci();
  readonly #taken = newPci();
  readonly #scratch = new Uint8Array(1 << 16);
  #takenIsPdu = false;
  #runsBefore = 0;
  #turns = 0;
  /** Resets that were not believed. */
  resetsRefused = 0;
  /** What the oracle expected of the data PDU taken in last. */
  lastExpectation: Expectation = EXPECT.NOTHING;

  constructor(world: { readonly nowUs: number }, a: FrcpEnd, b: FrcpEnd, stream: number) {
    this.#world = world;
    this.ab = new Direction(a, b, stream);
    this.ba = new Direction(b, a, stream ^ 0x5555_5555);
  }

  outOf(end: FrcpEnd): Direction {
    return end === this.ab.from ? this.ab : this.ba;
  }

  into(end: FrcpEnd): Direction {
    return end === this.ab.from ? this.ba : this.ab;
  }

  onWritten(end: FrcpEnd, bytes: number): void {
    const way = this.outOf(end);
    way.writtenThrough.push(way.bytesOf(way.written.length) + bytes);
    way.written.push(bytes);
  }

  onClose(end: FrcpEnd): void {
    const into = this.into(end);
    into.acceptedAtClose = into.accepted;
    into.hasNews = true;
  }

  onMove(end: FrcpEnd): void {
    this.into(end).hasNews = true;
  }

  /** A copy of a PDU will be so long on its way. */
  onTransit(from: FrcpEnd, us: number): void {
    const way = this.outOf(from);
    if (us < way.shortestUs) way.shortestUs = us;
  }

  onDelivered(end: FrcpEnd, sdu: Uint8Array): void {
    const into = this.into(end);
    onDelivered(into, sdu);
    into.hasNews = into.hasRead = true;
    noteRoom(into);
  }

  read(end: FrcpEnd, pdu: Uint8Array, pci: Pci): boolean {
    return end.params.integrity
      ? openTrailer(pdu, 0, pdu.length, pci, platformCrc32)
      : decodePci(pdu, 0, pdu.length, pci);
  }

  /** Decodes without any consequence. `null`: it is no PDU. */
  peek(to: FrcpEnd, pdu: Uint8Array): Pci | null {
    const pci = newPci();
    return this.read(to, pdu, pci) ? pci : null;
  }

  /** The PDU sent last, decoded. */
  get sentPci(): Readonly<Pci> {
    return this.#sent;
  }

  /** The PDU taken in last, decoded; `null`: it was none. */
  get takenPci(): Readonly<Pci> | null {
    return this.#takenIsPdu ? this.#taken : null;
  }

  onSent(end: FrcpEnd, pdu: Uint8Array): void {
    const pci = this.#sent;
    if (!this.read(end, pdu, pci)) violated('I40', `${end.name} sends what is no PDU`);
    if ((pci.flags & FLAG.RESET) !== 0) end.hasReset = true;
    if ((pci.flags & FLAG.ACK) === 0 && (pci.ack | pci.edge | pci.creditBytes) !== 0)
      violated('I8', `${end.name} sends an acknowledgement that is none`);
    if ((pci.flags & FLAG.ACK) !== 0) onAckSent(this.into(end), pdu, pci);
    if ((pci.flags & FLAG.DATA) !== 0) onDataSent(this.outOf(end), pdu, pci, this.#world.nowUs);
  }

  beforeTaking(end: FrcpEnd, pdu: Uint8Array): void {
    const pci = this.#taken;
    this.#runsBefore = end.conn.stats.runsOpened;
    this.lastExpectation = EXPECT.NOTHING;
    this.#takenIsPdu = this.read(end, pdu, pci);
    if (!this.#takenIsPdu || end.isDown || end.isDrained || end.isReset) return;
    if ((pci.flags & FLAG.RESET) !== 0) return;
    if ((pci.flags & FLAG.ACK) !== 0 && end.isOpen) onAckTaken(this.outOf(end), pci);
    const into = this.into(end);
    if ((pci.flags & FLAG.RDVS) !== 0 || pci.pduBytes > 0) into.hasNews = true;
    if ((pci.flags & FLAG.DATA) !== 0) this.lastExpectation = onDataTaken(into, pci);
    else if ((pci.flags & (FLAG.RDVS | FLAG.DRF)) === (FLAG.RDVS | FLAG.DRF)) into.probeSeq = pci.seq;
  }

  afterTaking(end: FrcpEnd): void {
    const into = this.into(end);
    if (this.#takenIsPdu && (this.#taken.flags & FLAG.RESET) !== 0) this.#judgeReset(end);
    checkRunsOpened(into, this.#runsBefore, end.conn.stats.runsOpened, this.takenPci);
    checkUnacked(this.outOf(end));
    noteRoom(into);
    checkReadable(into);
    checkNothingMore(into);
    const out = this.outOf(end);
    if (out.olderEdge) checkBounds(out);
    out.olderEdge = false;
    if ((this.#turns & (INSPECT_EVERY - 1)) === 0 && end.isOpen) checkRunExpiry(into);
  }

  /** What comes behind a reset that was believed counts for nothing. */
  #judgeReset(end: FrcpEnd): void {
    if (end.conn.nextTimeout() === null) end.isReset = true;
    else this.resetsRefused += 1;
  }

  afterTimeout(end: FrcpEnd): void {
    checkUnacked(this.outOf(end));
  }

  afterTurn(end: FrcpEnd): void {
    this.#turns += 1;
    if (end.isReset && !end.isDown && !end.isDrained)
      violated('I25', `${end.name} believes a reset and does not say so`);
    checkAckLeft(this.into(end));
    checkWindowTold(this.into(end));
    if ((this.#turns & (INSPECT_EVERY - 1)) !== 0) return;
    checkBounds(this.outOf(end));
    checkRoundTrip(this.outOf(end), this.into(end));
  }

  /** Its process stood still: what it owed in that time is due now. */
  onAwake(end: FrcpEnd): void {
    const into = this.into(end);
    if (into.ackDueAt !== Infinity) into.ackDueAt = Math.max(into.ackDueAt, end.now() + end.lagUs);
  }

  onEvent(end: FrcpEnd, event: FrcpEvent): void {
    if (event.type === 'closed') onClosed(this.outOf(end), event.unackedSdus);
    else if (event.type === 'end') onEnd(this.into(end), event.clean);
    else if (event.type === 'down') onDown(this.outOf(end), event);
    else if (event.type === 'drained') checkDrained(end, this.#scratch);
  }
}

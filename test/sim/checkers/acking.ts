import { FLAG, RANGE_BYTES, readI32, SEGMENT_UNIT_BYTES, type Pci } from '../../../packages/frcp/src/pci.ts';
import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';
import { checkGranted } from './granting.ts';

/** A window is at most so wide on the wire (R-FRCP-34). */
const WINDOW_PDUS_MAX = 1 << 20;
/** Credit is said in units of this many bytes, rounded down. */
const CREDIT_UNIT_BYTES = 256;

/** An acknowledgement leaves the receiver. */
export function onAckSent(way: Direction, buf: Uint8Array, pci: Pci): void {
  const { to } = way;
  way.ackDueAt = Infinity;
  if (pci.flags === FLAG.ACK && pci.ack !== way.probeSeq) checkRate(way);
  const index = way.next + ((pci.ack - way.rxBase - way.next) | 0);
  if (!way.hasRun || index !== way.next) {
    if (pci.ack === way.probeSeq && (pci.flags & FLAG.DATA) === 0) return;
    if (!way.hasRun) violated('I17', `${to.name} acknowledges without a run`);
  }
  if (!way.reliable) return;
  if (index > way.next)
    violated('I8', `${to.name} acknowledges everything before PDU ${index}, accepted is ${way.next}`);
  if (index < way.saidAck) violated('I10', `${to.name} acknowledges ${index} after ${way.saidAck}`);
  way.saidAck = index;
  checkRanges(way, buf, pci);
  checkWindow(way, index, pci);
}

/** I11: copies alone provoke no more than one acknowledgement in A (R-FRCP-41). */
function checkRate(way: Direction): void {
  const { to } = way;
  const at = to.now();
  if (!way.hasNews && way.reliable && at - way.bareAckAt < to.params.aUs)
    violated('I11', `${to.name} acknowledges copies ${at - way.bareAckAt} us after the last time`);
  way.hasNews = false;
  way.bareAckAt = at;
}

/** I8: selectively acknowledged is only what was accepted, or, of PDUs that come in segments, what has come. */
function checkRanges(way: Direction, buf: Uint8Array, pci: Pci): void {
  let low = pci.rangeBytes === RANGE_BYTES ? position(way.next + 1, 0) : position(way.next, 0);
  for (let n = 0, at = pci.sackAt; n < pci.sackRanges; n += 1, at += pci.rangeBytes) {
    const [from, to] = rangeAt(way, buf, at, pci);
    if (from < low || to <= from || to > position(way.nxt, 0))
      violated('I8', `${way.to.name} acknowledges the range ${from} to ${to}, sent is ${way.nxt}`);
    for (let i = Math.floor(from); i < to; i += 1) checkHeld(way, i, from, to);
    low = to;
  }
}

/** So many offsets fit between two indexes. */
const OFFSETS = 2 ** 22;

/** Indexes of PDUs, with offsets as fractions: ordered as on the wire. */
function position(index: number, offset: number): number {
  return index + offset / OFFSETS;
}

function rangeAt(way: Direction, buf: Uint8Array, at: number, pci: Pci): [number, number] {
  const half = pci.rangeBytes / 2;
  return [at, at + half].map((bound) =>
    position(
      way.next + ((readI32(buf, bound) - way.rxBase - way.next) | 0),
      pci.rangeBytes === RANGE_BYTES ? 0 : readI32(buf, bound + 4),
    ),
  ) as [number, number];
}

function checkHeld(way: Direction, index: number, from: number, to: number): void {
  if (way.received[index] === true) return;
  const missing = way.missing.get(index);
  if (missing === undefined || (from <= index && to >= index + 1))
    violated('I8', `${way.to.name} acknowledges PDU ${index}, which it has not`);
  for (const unit of missing) {
    const at = position(index, unit * SEGMENT_UNIT_BYTES);
    if (at >= from && at < to)
      violated('I8', `${way.to.name} acknowledges unit ${unit} of PDU ${index}, which it has not`);
  }
}

/** I10: edges never move left. I20: nothing is granted beyond the window. */
function checkWindow(way: Direction, index: number, pci: Pci): void {
  const { to } = way;
  const { windowPdus, windowBytes } = to.params;
  const edge = index + ((pci.edge - pci.ack) | 0);
  if (edge < way.saidEdge) violated('I10', `${to.name} moves its edge from ${way.saidEdge} to ${edge}`);
  if (edge > index + windowPdus) violated('I20', `${to.name} grants ${edge - index} PDUs`);
  const limitPos = way.posOf(index) + pci.creditBytes;
  checkGranted(way, index, edge, limitPos);
  way.saidEdge = edge;
  if (pci.creditBytes > windowBytes) violated('I20', `${to.name} grants ${pci.creditBytes} bytes`);
  if (limitPos < way.saidLimitPos - CREDIT_UNIT_BYTES)
    violated('I10', `${to.name} takes back credit: ${way.saidLimitPos} to ${limitPos}`);
  way.saidLimitPos = Math.max(way.saidLimitPos, limitPos);
}

/** The sender takes in an acknowledgement: what the oracle makes of it. */
export function onAckTaken(way: Direction, pci: Pci): boolean {
  if (way.nxt === 0) return false;
  const index = way.una + ((pci.ack - way.base - way.una) | 0);
  if (index < way.una || index > way.nxt) return false;
  const moves = index > way.una;
  way.una = index;
  const width = (pci.edge - pci.ack) | 0;
  if (width < 0 || width > WINDOW_PDUS_MAX) return moves;
  way.olderEdge = index + width < way.edge;
  if (index + width > way.edge) {
    way.edge = index + width;
    if (!moves) way.windowUpdates += 1;
  }
  if (way.reliable) way.limitPos = Math.max(way.limitPos, way.posOf(index) + pci.creditBytes);
  return moves;
}

/** I9: the machine counts as acknowledged exactly what was acknowledged of what it has sent. I8: and was accepted. */
export function checkUnacked(way: Direction): void {
  const { from, to } = way;
  if (!from.isOpen) return;
  const said = from.conn.unackedSdus;
  if (said !== way.unackedSdus)
    violated('I9', `${from.name} counts ${said} unacknowledged messages, the wire says ${way.unackedSdus}`);
  if (!way.reliable || to.closeCalled || !to.isAlive || !to.isOpen) return;
  const acked = way.written.length - said;
  if (acked > way.accepted) violated('I8', `${acked} acknowledged to ${from.name}, ${way.accepted} accepted`);
}

/** I11: an acknowledgement that was due has left. */
export function checkAckLeft(way: Direction): void {
  const { to } = way;
  if (to.now() > way.ackDueAt && to.canSend)
    violated('I11', `${to.name} has not acknowledged for ${to.now() - way.ackDueAt} us more than A`);
}

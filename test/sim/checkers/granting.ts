import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';

/** Credit is said in units of this many bytes, rounded down. */
const CREDIT_UNIT_BYTES = 256;

/** Something was taken in or read: what may be granted now, and stays granted. */
export function noteRoom(way: Direction): void {
  const { to } = way;
  if (!way.reliable || to.closeCalled || to.isDown) return;
  const unread = way.bytesOf(way.accepted) - way.bytesOf(way.delivered);
  way.mostPos = Math.max(way.mostPos, way.posOf(way.next) + limitOf(way) - unread);
}

/** What may be accepted and not read: more for a program that reads (R-FRCP-110). */
function limitOf(way: Direction): number {
  const { windowBytes, windowFirstBytes } = way.to.params;
  return Math.min(windowBytes, windowFirstBytes + way.bytesOf(way.delivered));
}

/** I20: what is accepted and not read takes its room of the window. */
export function checkGranted(way: Direction, index: number, edge: number, limitPos: number): void {
  const { to } = way;
  if (to.closeCalled) return;
  noteRoom(way);
  if (edge > way.saidEdge && edge > index + to.params.windowPdus - to.conn.readableSdus)
    violated('I20', `${to.name} grants up to PDU ${edge}, ${to.conn.readableSdus} messages are unread`);
  if (limitPos > way.mostPos) violated('I20', `${to.name} grants up to byte ${limitPos}, of ${way.mostPos}`);
}

/** I21: reading that made a quarter of the window free has told so at once (R-FRCP-37). */
export function checkWindowTold(way: Direction): void {
  const { to } = way;
  const hasRead = way.hasRead;
  way.hasRead = false;
  if (!hasRead || !way.reliable || !way.hasRun || to.closeCalled || !to.isOpen || !to.canSend) return;
  const { windowPdus } = to.params;
  const limitBytes = limitOf(way);
  const pdus = way.next + windowPdus - to.conn.readableSdus - way.saidEdge;
  if (pdus >= windowPdus >>> 2) violated('I21', `${to.name} keeps a window of ${pdus} PDUs more to itself`);
  const held = way.posOf(way.next) - way.bytesOf(way.delivered);
  const bytes = way.posOf(way.next) + limitBytes - held - way.saidLimitPos;
  if (bytes >= (limitBytes >>> 2) + CREDIT_UNIT_BYTES)
    violated('I21', `${to.name} keeps a window of ${bytes} bytes more to itself`);
}

import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';
import { rtoMaxUs } from './times.ts';

interface Inspection {
  readonly send?: {
    readonly rtoUs: number;
    readonly queuedBytes: number;
    readonly queuedPdus: number;
    readonly ringBytes: number;
    readonly windowPdus: number;
    readonly windowBytes: number;
    readonly rttMinUs: number;
  } | null;
  readonly receive?: { readonly heldBytes: number; readonly readableSdus: number } | null;
}

/** Ring sizes are powers of two; a PDU takes 16 bytes beside its data. */
const RING_FACTOR = 4;
const PDU_META_BYTES = 16;
/** Clocks show whole microseconds: so much an interval may come out too short. */
const CLOCK_STEPS_US = 4;

/** I12: the timeout is within its bounds. I20, I39: so is all that an end keeps. */
export function checkBounds(way: Direction): void {
  const { from, to } = way;
  const state = from.conn.inspect() as Inspection & { readonly dormant?: Inspection };
  const send = state.send ?? state.dormant?.send;
  if (send !== undefined && send !== null) {
    const { rtoMinUs, windowBytes, windowPdus, sduMaxBytes } = from.params;
    if (send.rtoUs > rtoMaxUs(from.params) || send.rtoUs < Math.min(rtoMinUs, rtoMaxUs(from.params)))
      violated('I12', `${from.name} has a timeout of ${send.rtoUs} us`);
    if (send.queuedBytes > Math.max(windowBytes, sduMaxBytes))
      violated('I39', `${from.name} queues ${send.queuedBytes} bytes`);
    const pdus = Math.max(windowPdus, sduMaxBytes) + 1;
    if (send.ringBytes > RING_FACTOR * (windowBytes + sduMaxBytes + PDU_META_BYTES * pdus))
      violated('I39', `${from.name} keeps ${send.ringBytes} bytes`);
    checkEdges(way, send.windowPdus, send.windowBytes);
  }
  const { receive } = to.conn.inspect() as Inspection;
  if (receive !== undefined && receive !== null) {
    const max = to.params.windowBytes + to.params.sduMaxBytes;
    if (receive.heldBytes > max) violated('I20', `${to.name} holds ${receive.heldBytes} bytes`);
  }
  checkReadable(way);
}

/** I10: the sender knows as much of the window as it was told, and never less again. */
function checkEdges(way: Direction, windowPdus: number, windowBytes: number): void {
  const { from } = way;
  if (!way.reliable || !from.isOpen || from.conn.isClosed) return;
  if (windowPdus !== way.edge - way.una)
    violated('I10', `${from.name} has a window of ${windowPdus} PDUs, was granted ${way.edge - way.una}`);
  const granted = way.limitPos - way.posOf(way.una);
  if (windowBytes !== granted)
    violated('I10', `${from.name} has a window of ${windowBytes} bytes, was granted ${granted}`);
}

/** I12: no round trip was shorter than the quickest way there and back. */
export function checkRoundTrip(way: Direction, back: Direction): void {
  const [mine, theirs] = [way.from.process, way.to.process];
  if (mine.clock.rate !== theirs.clock.rate || mine.clockStoodStill || theirs.clockStoodStill) return;
  const { send } = way.from.conn.inspect() as Inspection;
  const leastUs = (way.shortestUs + back.shortestUs) * mine.clock.rate;
  if (send !== undefined && send !== null && leastUs < Infinity && send.rttMinUs + CLOCK_STEPS_US < leastUs)
    violated('I12', `${way.from.name} knows a round trip of ${send.rttMinUs} us, none is below ${leastUs}`);
}

/** I20: no more than the window waits for the program. */
export function checkReadable(way: Direction): void {
  const { readableSdus } = way.to.conn;
  if (readableSdus > way.to.params.windowPdus)
    violated('I20', `${way.to.name} holds ${readableSdus} messages`);
}

import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';
import { rtoMaxUs } from './times.ts';

interface Inspection {
  readonly send?: {
    readonly rtoUs: number;
    readonly queuedBytes: number;
    readonly queuedPdus: number;
    readonly ringBytes: number;
  } | null;
  readonly receive?: { readonly heldBytes: number; readonly readableSdus: number } | null;
}

/** Ring sizes are powers of two; a PDU takes 16 bytes beside its data. */
const RING_FACTOR = 4;
const PDU_META_BYTES = 16;

/** I12: the timeout is within its bounds. I20, I39: so is all that an end keeps. */
export function checkBounds(way: Direction): void {
  const { from, to } = way;
  const { send } = from.conn.inspect() as Inspection;
  if (send !== undefined && send !== null) {
    const { rtoMinUs, windowBytes, windowPdus, sduMaxBytes } = from.params;
    if (send.rtoUs > rtoMaxUs(from.params) || send.rtoUs < Math.min(rtoMinUs, rtoMaxUs(from.params)))
      violated('I12', `${from.name} has a timeout of ${send.rtoUs} us`);
    if (send.queuedBytes > Math.max(windowBytes, sduMaxBytes))
      violated('I39', `${from.name} queues ${send.queuedBytes} bytes`);
    const pdus = Math.max(windowPdus, sduMaxBytes) + 1;
    if (send.ringBytes > RING_FACTOR * (windowBytes + sduMaxBytes + PDU_META_BYTES * pdus))
      violated('I39', `${from.name} keeps ${send.ringBytes} bytes`);
  }
  const { receive } = to.conn.inspect() as Inspection;
  if (receive !== undefined && receive !== null) {
    const max = to.params.windowBytes + to.params.sduMaxBytes;
    if (receive.heldBytes > max) violated('I20', `${to.name} holds ${receive.heldBytes} bytes`);
  }
  checkReadable(way);
}

/** I20: no more than the window waits for the program. */
export function checkReadable(way: Direction): void {
  const { readableSdus } = way.to.conn;
  if (readableSdus > way.to.params.windowPdus)
    violated('I20', `${way.to.name} holds ${readableSdus} messages`);
}

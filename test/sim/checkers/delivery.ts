import { ID_BYTES, isMessage } from '../message-content.ts';
import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';

/** The receiving program reads a message. I1 to I5, I7: each message carries its id, and every byte is compared. */
export function onDelivered(way: Direction, sdu: Uint8Array): void {
  if (way.reliable) onNext(way, sdu);
  else onLater(way, sdu);
}

function onNext(way: Direction, sdu: Uint8Array): void {
  const serial = way.delivered;
  const bytes = way.written[serial];
  if (bytes !== undefined && isMessage(sdu, way.stream, serial, bytes)) {
    way.delivered = serial + 1;
    return;
  }
  const found = serialOf(way, sdu);
  const what = `${way.to.name} reads ${sdu.length} bytes, expects message ${serial} of ${bytes ?? 'none'}`;
  if (found >= 0 && found < serial) violated('I1', `${what}: message ${found} again`);
  if (found > serial) violated('I2', `${what}: message ${found}`);
  violated(bytes === sdu.length ? 'I2' : 'I4', `${what}: no message that was written`);
}

function onLater(way: Direction, sdu: Uint8Array): void {
  const serial = sdu.length < ID_BYTES ? -1 : Buffer.from(sdu.buffer, sdu.byteOffset, 4).readUInt32BE(0);
  const bytes = way.written[serial];
  if (bytes === undefined || !isMessage(sdu, way.stream, serial, bytes))
    violated('I4', `${way.to.name} reads ${sdu.length} bytes that nobody wrote`);
  if (serial < way.delivered)
    violated('I3', `${way.to.name} reads message ${serial} after ${way.delivered - 1}`);
  way.delivered = serial + 1;
}

function serialOf(way: Direction, sdu: Uint8Array): number {
  return way.written.findIndex((bytes, serial) => isMessage(sdu, way.stream, serial, bytes));
}

/** I6: nothing becomes readable after the program closed. I26: nor after the end was told. */
export function checkNothingMore(way: Direction): void {
  if (!way.reliable) return;
  const { accepted } = way;
  if (way.acceptedAtClose >= 0 && accepted > way.acceptedAtClose)
    violated('I6', `${way.to.name} has ${accepted} messages, closed with ${way.acceptedAtClose}`);
  if (way.acceptedAtEnd >= 0 && accepted > way.acceptedAtEnd)
    violated('I26', `${way.to.name} has ${accepted} messages, ended with ${way.acceptedAtEnd}`);
}

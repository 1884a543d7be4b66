import { createHash } from 'node:crypto';

const NUMBER_BYTES = 4;

/** A message whose every byte follows from its number and length. */
export function bytesOf(number, length) {
  const head = Buffer.alloc(NUMBER_BYTES);
  head.writeUInt32BE(number);
  const rest = createHash('shake128', { outputLength: length - NUMBER_BYTES })
    .update(head)
    .digest();
  return Buffer.concat([head, rest]);
}

/** The number of such a message; `null` when a byte of it is another. */
export function numberOf(message) {
  if (message.length < NUMBER_BYTES) return null;
  const number = message.readUInt32BE(0);
  return bytesOf(number, message.length).equals(message) ? number : null;
}

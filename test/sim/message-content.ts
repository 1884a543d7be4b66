/** What the bytes of each message are: its id first, then a stretch of one pattern that the id chooses. */

export const MESSAGE_MAX_BYTES = 1 << 20;
/** Messages this large have an id nobody can mistake. */
export const ID_BYTES = 8;

const PATTERN_STARTS = 4_093;
const PATTERN = makePattern();

function makePattern(): Buffer {
  const pattern = Buffer.alloc(MESSAGE_MAX_BYTES + PATTERN_STARTS);
  let state = 0x2545f491;
  for (let i = 0; i < pattern.length; i += 1) {
    state = (Math.imul(state, 0x915f77f5) + 0x6d2b79f5) | 0;
    pattern[i] = state >>> 24;
  }
  return pattern;
}

function patternStart(stream: number, serial: number): number {
  return (Math.imul(serial + 1, 0x9e3779b1) ^ stream) >>> 0;
}

const id = Buffer.alloc(ID_BYTES);

function writeId(stream: number, serial: number): void {
  id.writeUInt32BE(serial, 0);
  id.writeUInt32BE((stream ^ Math.imul(serial + 1, 0x85ebca6b)) >>> 0, 4);
}

/** The message with this number of one stream. Streams are told apart by any 32-bit number. */
export function makeMessage(stream: number, serial: number, bytes: number): Uint8Array {
  const message = Buffer.allocUnsafe(bytes);
  writeId(stream, serial);
  id.copy(message, 0, 0, Math.min(bytes, ID_BYTES));
  if (bytes > ID_BYTES) {
    const start = patternStart(stream, serial) % PATTERN_STARTS;
    PATTERN.copy(message, ID_BYTES, start, start + bytes - ID_BYTES);
  }
  return message;
}

/** Whether these bytes are that message, of that size. */
export function isMessage(sdu: Uint8Array, stream: number, serial: number, bytes: number): boolean {
  if (sdu.length !== bytes) return false;
  writeId(stream, serial);
  for (let i = 0; i < bytes && i < ID_BYTES; i += 1) if (sdu[i] !== id[i]) return false;
  if (bytes <= ID_BYTES) return true;
  const start = patternStart(stream, serial) % PATTERN_STARTS;
  const same = PATTERN.compare(sdu, ID_BYTES, bytes, start, start + bytes - ID_BYTES);
  return same === 0;
}

/** Version of the packet format, in the high half of the first byte; another version is dropped. */
export const UDP_VERSION = 1;

/** What a packet is, in the low half of its first byte. */
export const KIND = {
  /** Data of the flow whose receiver has this EID. */
  data: 1,
  /** An FA PDU. */
  fa: 2,
  /** A directory PDU. */
  directory: 3,
  /** Asks for the receiver's tag. */
  hello: 4,
  /** Tells it: the answer to a hello, and to a PDU with a tag that the receiver does not know. */
  contact: 5,
  /** Asks whether the neighbour is where this goes to. */
  challenge: 6,
  /** It is. */
  response: 7,
  /** As long as a packet may get; asks for a `probed`. */
  probe: 8,
  probed: 9,
  /** Tells the sender of a raw flow which of its packets is not under way any more. */
  taken: 10,
} as const;

/** Bits of the second byte. */
export const FLAG = {
  /** A CRC-32 over all that precedes it ends the packet. */
  checked: 1,
  /** A data packet with a number, so that a copy of it is told from the next one. */
  numbered: 2,
} as const;

const FLAGS = FLAG.checked | FLAG.numbered;

/** First byte, flags, length of the whole packet, EID. */
export const DATA_HEADER_BYTES = 8;
export const NUMBER_BYTES = 4;
export const CHECK_BYTES = 4;
/** Most that a data packet adds to its message. */
export const DATA_OVERHEAD_BYTES = DATA_HEADER_BYTES + NUMBER_BYTES + CHECK_BYTES;
/** Kind and length, number, tag of the receiver, tag of the sender. */
export const CONTROL_HEADER_BYTES = 24;
/** What a control packet adds to its content. */
export const CONTROL_OVERHEAD_BYTES = CONTROL_HEADER_BYTES + CHECK_BYTES;
/** Smallest packet of any kind. */
export const PACKET_MIN_BYTES = DATA_HEADER_BYTES;
/** Largest: what IPv4 lets UDP carry. */
export const PACKET_MAX_BYTES = 65_507;

/** CRC-32 (IEEE 802.3) of `bytes[start, end)`. */
export type Crc32 = (bytes: Uint8Array, start: number, end: number) => number;

/**
 * Length of the packet that begins at `start`, as its header says; 0 when there is none: too few bytes are left, or
 * it is of another version or kind. Packets that were merged on their way through the kernel are told apart by it.
 */
//= R-UDP-02
export function packetLength(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < PACKET_MIN_BYTES || bytes[start]! >> 4 !== UDP_VERSION) return 0;
  if ((bytes[start + 1]! & ~FLAGS) !== 0) return 0;
  const length = (bytes[start + 2]! << 8) | bytes[start + 3]!;
  const least = (bytes[start]! & 15) === KIND.data ? dataOverhead(bytes[start + 1]!) : CONTROL_OVERHEAD_BYTES;
  return length < least || length > end - start ? 0 : length;
}

export function kindOf(bytes: Uint8Array, start: number): number {
  return bytes[start]! & 15;
}

export function flagsOf(bytes: Uint8Array, start: number): number {
  return bytes[start + 1]!;
}

/** What a data packet with these flags adds to its message. */
export function dataOverhead(flags: number): number {
  return (
    DATA_HEADER_BYTES +
    ((flags & FLAG.numbered) !== 0 ? NUMBER_BYTES : 0) +
    ((flags & FLAG.checked) !== 0 ? CHECK_BYTES : 0)
  );
}

/** EID of a data packet; number of any other. */
export function wordAt4(bytes: Uint8Array, start: number): number {
  return readU32(bytes, start + 4);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes the first 8 bytes of a packet. */
export function writeHeader(
  bytes: Uint8Array,
  at: number,
  kind: number,
  flags: number,
  length: number,
  word: number,
): void {
  bytes[at] = (UDP_VERSION << 4) | kind;
  bytes[at + 1] = flags;
  bytes[at + 2] = length >>> 8;
  bytes[at + 3] = length;
  writeU32(bytes, at + 4, word);
}

/** Writes the check behind `bytes[start, end)`. */
export function seal(bytes: Uint8Array, start: number, end: number, crc32: Crc32): void {
  writeU32(bytes, end, crc32(bytes, start, end));
}

/** Whether the packet `bytes[start, end)` is as its check says. */
export function isSound(bytes: Uint8Array, start: number, end: number, crc32: Crc32): boolean {
  return readU32(bytes, end - CHECK_BYTES) === crc32(bytes, start, end - CHECK_BYTES);
}

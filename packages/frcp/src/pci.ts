/**
 * Protocol control information: the header in front of every PDU. docs/spec/frcp.md section 2 draws it.
 */
import { inView, outView } from './byte-views.ts';
import type { Crc32 } from './crc32.ts';

export const PCI_VERSION = 1;

/** Flags, byte 1. */
export const FLAG = {
  /** Carries a number and user data (or the end marker). */
  DATA: 0x01,
  /** Data run flag: every earlier number is acknowledged. */
  DRF: 0x02,
  /** The acknowledgement number, window edge and credit are valid. */
  ACK: 0x04,
  /** Asks for an acknowledgement with the current window; carries the sender's next number. */
  RDVS: 0x08,
  /** First fragment of an SDU. */
  FIRST: 0x10,
  /** Last fragment of an SDU. */
  LAST: 0x20,
  /** The end marker: no SDU follows this number. */
  END: 0x40,
  /** The connection is gone; carries the sender's next number. */
  RESET: 0x80,
  /** Never on our wire: with ACK, only edge and credit are meant. */
  WINDOW_ONLY: 0x100,
} as const;

/** Extension bits, low nibble of byte 0. Ranges follow: not with DATA. */
export const EXT_SACK = 0x1;
/** Two times follow the header. */
export const EXT_TIMES = 0x2;
/**
 * DATA: the user data are a segment of the PDU's, offset and size of the whole stand behind number and times. With ranges:
 * their bounds are numbers and offsets.
 */
export const EXT_SEGMENT = 0x4;
/** DATA: acknowledge at once. */
export const EXT_ASK = 0x8;

/** Header of a PDU without a number: a bare acknowledgement. */
export const PCI_ACK_BYTES = 12;
/** Header of a PDU with a number: data, end marker, rendez-vous, reset. */
export const PCI_BYTES = 16;
/** The time of sending and the echo of one, behind the header. */
export const TIMES_BYTES = 8;
/** What a segment adds to the header. */
export const SEGMENT_BYTES = 8;
/** Segments start at multiples of this many bytes, and all but the last are a multiple long (as in RFC 791). */
export const SEGMENT_UNIT_BYTES = 8;
/** Checksum behind the last byte, when the flow has integrity. */
export const TRAILER_BYTES = 4;
/** Byte credit is sent in units of this many bytes, rounded down. */
export const CREDIT_UNIT_BITS = 8;
/** Largest credit the field can say, bytes. */
export const CREDIT_MAX_BYTES = 0xffff << CREDIT_UNIT_BITS;
/** Most ranges in one selective acknowledgement. */
export const SACK_RANGES_MAX = 16;

/** A range of PDUs: two numbers. */
export const RANGE_BYTES = 8;
/** A range of segments: two numbers, each with an offset behind it. */
export const SEGMENT_RANGE_BYTES = 16;

const NUMBERED = FLAG.DATA | FLAG.RDVS | FLAG.RESET;

/** A decoded header. One object is reused for every PDU. Numbers are signed 32-bit. */
export interface Pci {
  flags: number;
  /** Number of the PDU, or of the next one for RDVS and RESET; 0 when there is none. */
  seq: number;
  ack: number;
  edge: number;
  /** Bytes the receiver has room for, beyond everything before `ack`. */
  creditBytes: number;
  /** It carries `time` and `echo`. */
  timed: boolean;
  /** When it left, us modulo 2^32 on the sender's clock; 0: not told. */
  time: number;
  /** The newest `time` that arrived since the last one echoed, advanced by how long it waited; 0: none. */
  echo: number;
  /** Wants an acknowledgement at once. */
  asks: boolean;
  /** Ranges `[sackAt + rangeBytes * i]` of the buffer, read with {@link readI32}. */
  sackAt: number;
  sackRanges: number;
  rangeBytes: number;
  /** Bytes of user data of the whole PDU, of which this is the segment from `segmentAt`; 0: it is whole. */
  pduBytes: number;
  segmentAt: number;
  /** The user data. */
  dataStart: number;
  dataEnd: number;
}

export function newPci(): Pci {
  return {
    flags: 0,
    seq: 0,
    ack: 0,
    edge: 0,
    creditBytes: 0,
    timed: false,
    time: 0,
    echo: 0,
    asks: false,
    sackAt: 0,
    sackRanges: 0,
    rangeBytes: RANGE_BYTES,
    pduBytes: 0,
    segmentAt: 0,
    dataStart: 0,
    dataEnd: 0,
  };
}

export function readI32(buf: Uint8Array, at: number): number {
  return (buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!;
}

export function writeI32(buf: Uint8Array, at: number, value: number): void {
  buf[at] = value >>> 24;
  buf[at + 1] = value >>> 16;
  buf[at + 2] = value >>> 8;
  buf[at + 3] = value;
}

/**
 * Writes a header; `sackRanges` only announces them, the caller writes the pairs behind it. Returns its size.
 */
export function encodePci(out: Uint8Array, at: number, pci: Pci): number {
  const view = outView(out);
  const flags = pci.flags;
  const credit = pci.creditBytes >>> CREDIT_UNIT_BITS;
  view.setInt32(at, (extensionsOf(pci) << 24) | (flags << 16) | credit);
  view.setInt32(at + 4, pci.ack);
  view.setInt32(at + 8, pci.edge);
  let end = at + PCI_ACK_BYTES;
  if ((flags & NUMBERED) !== 0) {
    view.setInt32(end, pci.seq);
    end = at + PCI_BYTES;
  }
  if (pci.timed) {
    view.setInt32(end, pci.time);
    view.setInt32(end + 4, pci.echo);
    end += TIMES_BYTES;
  }
  if (pci.pduBytes > 0) {
    view.setInt32(end, pci.segmentAt);
    view.setInt32(end + 4, pci.pduBytes);
    end += SEGMENT_BYTES;
  }
  return end - at;
}

function extensionsOf(pci: Pci): number {
  const data = (pci.pduBytes > 0 ? EXT_SEGMENT : 0) | (pci.asks ? EXT_ASK : 0);
  return (PCI_VERSION << 4) | (pci.sackRanges > 0 ? rangesOf(pci) : 0) | (pci.timed ? EXT_TIMES : 0) | data;
}

function rangesOf(pci: Pci): number {
  return pci.rangeBytes === RANGE_BYTES ? EXT_SACK : EXT_SACK | EXT_SEGMENT;
}

function readTimes(buf: Uint8Array, at: number, pci: Pci): void {
  pci.time = readI32(buf, at);
  pci.echo = readI32(buf, at + 4);
}

/**
 * Reads the header of the PDU in `buf[start, end)` (checksum already taken off). False if it is not a PDU of
 * this version; never throws and reads nothing outside the range.
 */
//= R-FRCP-03
export function decodePci(buf: Uint8Array, start: number, end: number, pci: Pci): boolean {
  const length = end - start;
  if (length < PCI_ACK_BYTES) return false;
  const view = inView(buf);
  const word = view.getInt32(start);
  const head = word >>> 24;
  if (head >>> 4 !== PCI_VERSION) return false;
  const flags = (word >>> 16) & 0xff;
  pci.flags = flags;
  pci.creditBytes = (word & 0xffff) << CREDIT_UNIT_BITS;
  pci.ack = view.getInt32(start + 4);
  pci.edge = view.getInt32(start + 8);
  pci.sackRanges = 0;
  pci.pduBytes = 0;
  pci.timed = (head & EXT_TIMES) !== 0;
  pci.asks = (head & EXT_ASK) !== 0;
  pci.time = pci.echo = 0;
  if ((flags & FLAG.DATA) === 0) return !pci.asks && decodeControl(buf, start, length, pci);
  const header = pci.timed ? PCI_BYTES + TIMES_BYTES : PCI_BYTES;
  if (length < header || (flags & (FLAG.RDVS | FLAG.RESET)) !== 0 || (head & EXT_SACK) !== 0) return false;
  pci.seq = view.getInt32(start + PCI_ACK_BYTES);
  if (pci.timed) readTimes(buf, start + PCI_BYTES, pci);
  pci.dataStart = start + header;
  pci.dataEnd = end;
  if ((head & EXT_SEGMENT) !== 0) return decodeSegment(buf, pci);
  return (flags & FLAG.END) === 0 || length === header;
}

//= R-FRCP-71
function decodeSegment(buf: Uint8Array, pci: Pci): boolean {
  const header = pci.dataStart;
  const bytes = pci.dataEnd - header - SEGMENT_BYTES;
  if (bytes < 1 || (pci.flags & FLAG.END) !== 0) return false;
  const at = (pci.segmentAt = readI32(buf, header));
  const whole = (pci.pduBytes = readI32(buf, header + 4));
  pci.dataStart += SEGMENT_BYTES;
  if (at < 0 || at % SEGMENT_UNIT_BYTES !== 0 || at > whole - bytes) return false;
  return bytes % SEGMENT_UNIT_BYTES === 0 || at + bytes === whole;
}

function decodeControl(buf: Uint8Array, start: number, length: number, pci: Pci): boolean {
  const flags = pci.flags;
  if ((flags & (FLAG.FIRST | FLAG.LAST | FLAG.END)) !== 0) return false;
  const base = (flags & NUMBERED) !== 0 ? PCI_BYTES : PCI_ACK_BYTES;
  const header = pci.timed ? base + TIMES_BYTES : base;
  pci.dataStart = pci.dataEnd = start + header;
  pci.seq = 0;
  if (length < header) return false;
  if (base === PCI_BYTES) pci.seq = readI32(buf, start + PCI_ACK_BYTES);
  else if ((flags & FLAG.ACK) === 0) return false;
  if (pci.timed) readTimes(buf, start + base, pci);
  const hasOffsets = (buf[start]! & EXT_SEGMENT) !== 0;
  if ((buf[start]! & EXT_SACK) === 0) return !hasOffsets && length === header;
  pci.rangeBytes = hasOffsets ? SEGMENT_RANGE_BYTES : RANGE_BYTES;
  const ranges = (length - header) / pci.rangeBytes;
  if ((flags & FLAG.ACK) === 0 || !Number.isInteger(ranges)) return false;
  if (ranges === 0 || ranges > SACK_RANGES_MAX) return false;
  pci.sackAt = start + header;
  pci.sackRanges = ranges;
  return true;
}

/** Writes the checksum of `out[start, end)` at `end`. Returns the size with it. */
//= R-FRCP-04
export function sealTrailer(out: Uint8Array, start: number, end: number, crc32: Crc32): number {
  writeI32(out, end, crc32(out, start, end) | 0);
  return end + TRAILER_BYTES - start;
}

/** {@link decodePci} behind which a checksum stands; false also when that is wrong. */
export function openTrailer(buf: Uint8Array, start: number, end: number, pci: Pci, crc32: Crc32): boolean {
  return trailerMatches(buf, start, end, crc32) && decodePci(buf, start, end - TRAILER_BYTES, pci);
}

/** Whether `buf[start, end)` ends with the checksum of what is before it. */
export function trailerMatches(buf: Uint8Array, start: number, end: number, crc32: Crc32): boolean {
  const at = end - TRAILER_BYTES;
  return at >= start && readI32(buf, at) === (crc32(buf, start, at) | 0);
}

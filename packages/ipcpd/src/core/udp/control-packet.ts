import type { Crc32 } from './packet.ts';
import {
  CHECK_BYTES,
  CONTROL_HEADER_BYTES,
  CONTROL_OVERHEAD_BYTES,
  FLAG,
  KIND,
  flagsOf,
  isSound,
  kindOf,
  seal,
  wordAt4,
  writeHeader,
} from './packet.ts';

/** 64 bits as 8 characters of 8 bits: what one end calls itself towards the other, and only the other knows. */
export type Tag = string;

export const NO_TAG: Tag = '\0\0\0\0\0\0\0\0';
export const TAG_BYTES = 8;

/** A packet between two IPCPs that carries no data. */
export interface ControlPacket {
  readonly kind: number;
  /** Counts up with each packet of the sender's to this receiver. */
  readonly number: number;
  /** What the receiver calls itself; {@link NO_TAG} when the sender does not know. */
  readonly rTag: Tag;
  /** What the sender calls itself; {@link NO_TAG} when it does not tell. */
  readonly sTag: Tag;
  readonly content: Uint8Array;
}

/** The bytes of a control packet. */
//= R-UDP-03
export function encodeControl(packet: ControlPacket, crc32: Crc32): Uint8Array {
  const { kind, number, rTag, sTag, content } = packet;
  const length = content.length + CONTROL_OVERHEAD_BYTES;
  const bytes = new Uint8Array(length);
  writeHeader(bytes, 0, kind, FLAG.checked, length, number);
  writeTag(bytes, 8, rTag);
  writeTag(bytes, 16, sTag);
  bytes.set(content, CONTROL_HEADER_BYTES);
  seal(bytes, 0, length - CHECK_BYTES, crc32);
  return bytes;
}

/**
 * The control packet `bytes[start, end)`, whose length `packetLength` has checked; `null` when it is none or its check
 * is wrong. Nothing in it refers to `bytes`. Never throws.
 */
//= R-UDP-03
export function decodeControl(
  bytes: Uint8Array,
  start: number,
  end: number,
  crc32: Crc32,
): ControlPacket | null {
  const kind = kindOf(bytes, start);
  if (kind < KIND.fa || kind > KIND.taken || flagsOf(bytes, start) !== FLAG.checked) return null;
  if (end - start < CONTROL_OVERHEAD_BYTES || !isSound(bytes, start, end, crc32)) return null;
  return {
    kind,
    number: wordAt4(bytes, start),
    rTag: readTag(bytes, start + 8),
    sTag: readTag(bytes, start + 16),
    content: Uint8Array.prototype.slice.call(bytes, start + CONTROL_HEADER_BYTES, end - CHECK_BYTES),
  };
}

export function readTag(bytes: Uint8Array, at: number): Tag {
  let tag = '';
  for (let i = 0; i < TAG_BYTES; i += 1) tag += String.fromCharCode(bytes[at + i]!);
  return tag;
}

export function writeTag(bytes: Uint8Array, at: number, tag: Tag): void {
  for (let i = 0; i < TAG_BYTES; i += 1) bytes[at + i] = tag.charCodeAt(i);
}

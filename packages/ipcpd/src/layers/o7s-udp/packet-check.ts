import { crc32 } from 'node:zlib';

const CRC_BYTES = 4;

/**
 * The checksum behind every packet of a raw flow whose peer asked for `ber` 0: CRC-32 (ISO 3309), big-endian, over all
 * behind the EID. Empty packets have none. On FRCP flows it is FRCP's own.
 */
//= R-OUDP-08
export const PACKET_CRC = {
  bytes: CRC_BYTES,

  /** Writes the checksum of `buf[start, end)` behind it; returns the new end. */
  seal(buf: Buffer, start: number, end: number): number {
    return buf.writeUInt32BE(crc32(buf.subarray(start, end)), end);
  },

  /** Where the bytes before the checksum end; -1 when it is wrong. */
  open(buf: Buffer, start: number, end: number): number {
    const at = end - CRC_BYTES;
    return at > start && buf.readUInt32BE(at) === crc32(buf.subarray(start, at)) ? at : -1;
  },
} as const;

export type PacketCheck = typeof PACKET_CRC;

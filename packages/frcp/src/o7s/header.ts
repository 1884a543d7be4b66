import { readI32, writeI32 } from '../pci.ts';

/** Flags of the C prototype's FRCP header, byte 0. The fragment bits are defined there and never sent or read. */
export const O7S_FLAG = {
  DATA: 0x01,
  DRF: 0x02,
  ACK: 0x04,
  FC: 0x08,
  RDVS: 0x10,
  FFGM: 0x20,
  MFGM: 0x40,
} as const;

export const O7S_HEADER_BYTES = 12;

/** The header as it stands in the packet: flags, 24 bits of the window edge, seqno, ackno. */
export interface O7sHeader {
  flags: number;
  window: number;
  seqno: number;
  ackno: number;
}

export function newO7sHeader(): O7sHeader {
  return { flags: 0, window: 0, seqno: 0, ackno: 0 };
}

/** False if `buf[start, end)` is too short for a header: a keepalive (of no bytes) or a runt. */
export function readO7sHeader(buf: Uint8Array, start: number, end: number, header: O7sHeader): boolean {
  if (end - start < O7S_HEADER_BYTES) return false;
  const word = readI32(buf, start);
  header.flags = word >>> 24;
  header.window = word & 0x00ff_ffff;
  header.seqno = readI32(buf, start + 4);
  header.ackno = readI32(buf, start + 8);
  return true;
}

export function writeO7sHeader(out: Uint8Array, at: number, header: O7sHeader): number {
  writeI32(out, at, (header.flags << 24) | (header.window & 0x00ff_ffff));
  writeI32(out, at + 4, header.seqno);
  writeI32(out, at + 8, header.ackno);
  return O7S_HEADER_BYTES;
}

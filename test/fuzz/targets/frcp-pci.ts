import { crc32 } from '../../../packages/frcp/src/crc32.ts';
import {
  decodePci,
  encodePci,
  FLAG,
  newPci,
  openTrailer,
  readI32,
  SACK_RANGES_MAX,
  sealTrailer,
  TRAILER_BYTES,
  writeI32,
  type Pci,
} from '../../../packages/frcp/src/pci.ts';
import { bytesEqual, demand, type FuzzTarget } from '../engine/target.ts';

const GUARD_BYTES = 24;

/** What a decoder may set, and its spans relative to the start of the PDU. */
function fieldsOf(pci: Pci, start: number): string {
  const { flags, seq, ack, edge, creditBytes, sackRanges, pduBytes } = pci;
  const ranges = sackRanges > 0 ? [pci.sackAt - start, pci.rangeBytes] : [];
  const spans = [pci.dataStart - start, pci.dataEnd - start, ...ranges];
  const segment = pduBytes > 0 ? [pduBytes, pci.segmentAt] : [];
  const times = [pci.timed, pci.asks, pci.time, pci.echo];
  return [flags, seq, ack, edge, creditBytes, sackRanges, ...spans, ...segment, ...times].join();
}

/** Decodes the input between two guards of one byte; `null` when it is no PDU. */
function decodeBetween(input: Uint8Array, guard: number): { pci: Pci; buf: Uint8Array } | null {
  const buf = new Uint8Array(input.length + 2 * GUARD_BYTES).fill(guard);
  buf.set(input, GUARD_BYTES);
  const pci = newPci();
  return decodePci(buf, GUARD_BYTES, GUARD_BYTES + input.length, pci) ? { pci, buf } : null;
}

/** What was decoded and encoded again, is what came: there is one encoding of each PDU. */
function encodedAgain(pci: Pci, buf: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  const at = encodePci(out, 0, pci);
  const words = (pci.sackRanges * pci.rangeBytes) / 4;
  for (let i = 0; i < words; i++) writeI32(out, at + 4 * i, readI32(buf, pci.sackAt + 4 * i));
  if ((pci.flags & FLAG.DATA) !== 0) out.set(buf.subarray(pci.dataStart, pci.dataEnd), at);
  return out;
}

export const target: FuzzTarget = {
  name: 'frcp-pci',
  about:
    'FRCP headers: decoding reads nothing outside the PDU, and encoding what was decoded gives the same bytes',
  maxBytes: 200,
  seeds: [
    Uint8Array.of(0x10, 0x37, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3),
    Uint8Array.of(0x1a, 0x37, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 5, 0, 0, 0, 6, 1, 2),
    Uint8Array.of(0x14, 0x31, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 10, 1, 2),
    Uint8Array.of(0x11, 0x04, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0, 5),
    Uint8Array.of(0x15, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 5, 0, 0, 0, 16),
  ],
  run(input) {
    const zeros = decodeBetween(input, 0);
    const ones = decodeBetween(input, 0xff);
    demand((zeros === null) === (ones === null), 'the verdict depends on what is outside the PDU');
    const sealed = new Uint8Array(input.length + TRAILER_BYTES);
    sealed.set(input);
    sealTrailer(sealed, 0, input.length, crc32);
    const opened = newPci();
    const isOpened = openTrailer(sealed, 0, sealed.length, opened, crc32);
    demand(isOpened === (zeros !== null), 'a checksum changes what is a PDU');
    openTrailer(input, 0, input.length, newPci(), crc32);
    if (zeros === null || ones === null) return;
    const { pci, buf } = zeros;
    const fields = fieldsOf(pci, GUARD_BYTES);
    demand(fields === fieldsOf(ones.pci, GUARD_BYTES), 'a field was read outside the PDU');
    demand(fields === fieldsOf(opened, 0), 'a checksum changes a field');
    demand(pci.dataStart <= pci.dataEnd && pci.dataEnd <= GUARD_BYTES + input.length, 'data outside the PDU');
    const bytes = pci.dataEnd - pci.dataStart;
    demand(pci.pduBytes === 0 || pci.segmentAt + bytes <= pci.pduBytes, 'a segment outside its PDU');
    demand(pci.sackRanges <= SACK_RANGES_MAX, 'more ranges than the bound');
    demand(bytesEqual(encodedAgain(pci, buf, input.length), input), 'another encoding of the same PDU');
  },
};

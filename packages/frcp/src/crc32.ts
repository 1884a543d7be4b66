/** CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), eight bytes a step. */

/** Checksum of `buf[start, end)`, signed or unsigned. */
export type Crc32 = (buf: Uint8Array, start: number, end: number) => number;

const SLICES = 8;
let table: Int32Array | null = null;

function makeTable(): Int32Array {
  const made = new Int32Array(SLICES << 8);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    made[n] = c;
  }
  for (let i = 256; i < made.length; i++) {
    const before = made[i - 256]!;
    made[i] = (before >>> 8) ^ made[before & 0xff]!;
  }
  return made;
}

/** Of `buf[start, end)`, as a signed 32-bit integer. */
export function crc32(buf: Uint8Array, start: number, end: number): number {
  const t = (table ??= makeTable());
  let crc = -1;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    crc ^= buf[i]! | (buf[i + 1]! << 8) | (buf[i + 2]! << 16) | (buf[i + 3]! << 24);
    crc =
      t[0x700 | (crc & 0xff)]! ^
      t[0x600 | ((crc >>> 8) & 0xff)]! ^
      t[0x500 | ((crc >>> 16) & 0xff)]! ^
      t[0x400 | (crc >>> 24)]! ^
      t[0x300 | buf[i + 4]!]! ^
      t[0x200 | buf[i + 5]!]! ^
      t[0x100 | buf[i + 6]!]! ^
      t[buf[i + 7]!]!;
  }
  for (; i < end; i++) crc = t[(crc ^ buf[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc;
}

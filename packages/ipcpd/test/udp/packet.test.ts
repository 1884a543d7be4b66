import { expect } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { crc32 } from 'node:zlib';
import type { ControlPacket } from '../../src/core/udp/control-packet.ts';
import { decodeControl, encodeControl } from '../../src/core/udp/control-packet.ts';
import {
  CONTROL_OVERHEAD_BYTES,
  FLAG,
  KIND,
  PACKET_MIN_BYTES,
  dataOverhead,
  packetLength,
  writeHeader,
} from '../../src/core/udp/packet.ts';

const crc = (bytes: Uint8Array, start: number, end: number) => crc32(bytes.subarray(start, end));
const tag = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => String.fromCharCode(...bytes));
const packets: fc.Arbitrary<ControlPacket> = fc.record({
  kind: fc.integer({ min: KIND.fa, max: KIND.taken }),
  number: fc.integer({ min: 0, max: 0xffff_ffff }),
  rTag: tag,
  sTag: tag,
  content: fc.uint8Array({ maxLength: 300 }),
});

//= R-UDP-03
test.prop([packets, fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 })])(
  'a control packet survives encoding, wherever it lies',
  (packet, before, after) => {
    const bytes = encodeControl(packet, crc);
    const all = Buffer.concat([before, bytes, after]);
    const { length } = before;
    expect(packetLength(all, length, all.length)).toBe(bytes.length);
    expect(decodeControl(all, length, length + bytes.length, crc)).toEqual(packet);
  },
);

test.prop([packets, fc.nat(), fc.integer({ min: 0, max: 7 })])(
  'a control packet with a flipped bit is none',
  (packet, at, bit) => {
    const bytes = encodeControl(packet, crc);
    const where = at % bytes.length;
    bytes[where] = bytes[where]! ^ (1 << bit);
    const length = packetLength(bytes, 0, bytes.length);
    if (length >= CONTROL_OVERHEAD_BYTES) expect(decodeControl(bytes, 0, length, crc)).toBeNull();
  },
);

//= R-UDP-02
test.prop([fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 40 })])(
  'the length of whatever bytes is 0, or lies within them and holds what its flags promise',
  (bytes, start) => {
    const length = packetLength(bytes, start, bytes.length);
    if (length === 0) return;
    expect(length).toBeGreaterThanOrEqual(PACKET_MIN_BYTES);
    expect(start + length).toBeLessThanOrEqual(bytes.length);
    if ((bytes[start]! & 15) === KIND.data) {
      expect(length).toBeGreaterThanOrEqual(dataOverhead(bytes[start + 1]!));
    } else {
      expect(length).toBeGreaterThanOrEqual(CONTROL_OVERHEAD_BYTES);
    }
    decodeControl(bytes, start, start + length, crc);
  },
);

//= R-UDP-01
test.prop([fc.array(fc.integer({ min: 12, max: 60 }), { minLength: 1, maxLength: 8 })])(
  'packets that were merged on their way are told apart by their lengths',
  (lengths) => {
    const all = Buffer.alloc(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (const length of lengths) {
      writeHeader(all, at, KIND.data, FLAG.numbered, length, 7);
      at += length;
    }
    const found: number[] = [];
    for (at = 0; at < all.length; at += found.at(-1)!) found.push(packetLength(all, at, all.length));
    expect(found).toEqual(lengths);
  },
);

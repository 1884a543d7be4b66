import { describe, expect, test } from '@jest/globals';
import { RingReader, RingWriter } from '../src/core/ring.ts';

const RING_BYTES = 4_096;
const HEADER_BYTES = 1_024;

describe('a ring whose other end lies', () => {
  test.each([-8, 1, 12, RING_BYTES + 8, 0x7fff_fff8])('refuses the tail %i of an empty ring', (tail) => {
    const memory = new ArrayBuffer(HEADER_BYTES + RING_BYTES);
    const reader = new RingReader(memory, 0, HEADER_BYTES, RING_BYTES, () => undefined);
    new Int32Array(memory)[0] = tail;
    expect(reader.readable()).toBe(-1);
  });

  test.each([8, -RING_BYTES - 8, 0x7fff_ffff])('gives no room for the head %i and is broken', (head) => {
    const memory = new ArrayBuffer(HEADER_BYTES + RING_BYTES);
    const writer = new RingWriter(memory, 0, HEADER_BYTES, RING_BYTES, () => undefined);
    new Int32Array(memory)[32] = head;
    expect([writer.reserve(64), writer.broken]).toEqual([-1, true]);
  });
});

import { describe, expect, test } from '@jest/globals';
import { RECORD, TYPE_SHIFT } from '../src/core/record.ts';
import { RingReader, RingWriter } from '../src/core/ring.ts';
import { SLAB_BYTES, SlabPool } from '../src/core/slab-pool.ts';

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

describe('what a reader takes at once', () => {
  const ringBytes = 262_144;

  function ringWith(...lengths: number[]): RingReader {
    const memory = new ArrayBuffer(HEADER_BYTES + ringBytes);
    const writer = new RingWriter(memory, 0, HEADER_BYTES, ringBytes, () => undefined);
    for (const length of lengths) {
      const at = writer.reserve(8 + length);
      writer.words[at >> 2] = (RECORD.data << TYPE_SHIFT) | length;
      writer.commit(8 + length);
    }
    return new RingReader(memory, 0, HEADER_BYTES, ringBytes, () => undefined);
  }

  function piecesOf(reader: RingReader, pool: SlabPool): [slab: Buffer, bytes: number][] {
    const pieces: [Buffer, number][] = [];
    while (reader.readable() > 0) {
      const bytes = reader.take(reader.readable(), pool);
      pieces.push([pool.slab.buffer, bytes]);
    }
    return pieces;
  }

  test('fills what the slab still holds before it begins another', () => {
    const pool = new SlabPool();
    const begun = pool.slab.buffer;
    pool.slab.isKept = true;
    pool.take(SLAB_BYTES - 2_016);
    const [first, second, ...more] = piecesOf(ringWith(992, 992, 992, 992), pool);
    expect(first).toEqual([begun, 2_000]);
    expect(second![0]).not.toBe(begun);
    expect([second![1], more]).toEqual([2_000, []]);
  });

  test('is one record where that is larger than a slab', () => {
    const pieces = piecesOf(ringWith(992, 2 * SLAB_BYTES, 992), new SlabPool());
    expect(pieces.map(([, bytes]) => bytes)).toEqual([1_000, 2 * SLAB_BYTES + 8, 1_000]);
  });

  test('holds four messages of 16 KiB with 64 bytes of headers each', () => {
    const record = 16_384 + 56;
    expect(piecesOf(ringWith(record, record, record, record), new SlabPool()).length).toBe(1);
  });

  test('is nothing where the producer says that a record is longer than what it wrote', () => {
    const pool = new SlabPool();
    pool.take(SLAB_BYTES);
    expect(ringWith(992).take(504, pool)).toBe(-1);
  });
});

import { describe, expect, test } from '@jest/globals';
import { createMemoryChannelPair } from '../src/index.ts';
import type { FlowReceiver, SlabUse } from '../src/index.ts';
import type { Slab } from '../src/core/link.ts';
import { SLAB_BYTES, SlabPool } from '../src/core/slab-pool.ts';

/** Takes a slab's worth from the pool, so that it moves on; returns the slab that was full. */
function fill(pool: SlabPool): Slab {
  const { slab } = pool;
  for (let i = 0; i < 4; i++) pool.take(SLAB_BYTES / 4);
  return slab;
}

describe('a full slab', () => {
  test('is written again when nobody keeps any of it', () => {
    const pool = new SlabPool();
    fill(pool);
    const first = fill(pool);
    fill(pool);
    expect(pool.slab).toBe(first);
  });

  test('is never written again once a view was made', () => {
    const pool = new SlabPool();
    const kept = new Set<Slab>();
    for (let i = 0; i < 40; i++) {
      fill(pool);
      expect(kept.has(pool.slab)).toBe(false);
      pool.slab.isKept = true;
      kept.add(pool.slab);
    }
    fill(pool);
    expect(kept.has(pool.slab)).toBe(false);
  });

  test('waits for its last message to be taken', () => {
    const pool = new SlabPool();
    fill(pool);
    const first = pool.slab;
    first.claims = 2;
    fill(pool);
    expect(pool.slab).not.toBe(first);
    first.claims = 1;
    fill(pool);
    expect(pool.slab).not.toBe(first);
    first.claims = 0;
    fill(pool);
    expect(pool.slab).toBe(first);
  });

  test('is told of when it is made, not when it is used again', () => {
    const made: number[] = [];
    const pool = new SlabPool((bytes) => made.push(bytes));
    pool.take(SLAB_BYTES);
    pool.slab.isKept = true;
    pool.take(SLAB_BYTES);
    pool.take(SLAB_BYTES);
    pool.take(SLAB_BYTES);
    pool.take(2 * SLAB_BYTES);
    expect(made).toEqual([SLAB_BYTES, 2 * SLAB_BYTES]);
  });

  test('is let go when it is larger than the common size', () => {
    const pool = new SlabPool();
    pool.take(2 * SLAB_BYTES);
    const large = pool.slab;
    for (let i = 0; i < 4; i++) {
      pool.take(SLAB_BYTES);
      expect(pool.slab).not.toBe(large);
    }
  });
});

describe('a receiver', () => {
  const MESSAGE_BYTES = 7_000;
  async function slabsOf(receiver: FlowReceiver, count: number): Promise<void> {
    const [a, b] = createMemoryChannelPair();
    const into = b.attach(1, receiver);
    const out = a.attach(1, { onMessage() {}, onEnd() {}, onWritable() {} });
    for (let i = 0; i < count; i++) {
      expect(out.trySend(Buffer.alloc(MESSAGE_BYTES, i))).toBe('sent');
      await new Promise(setImmediate);
      into.consumed(MESSAGE_BYTES);
    }
    a.close();
  }

  test('that tells nothing has every slab for itself', async () => {
    const views: Buffer[] = [];
    const onMessage = (slab: Buffer, start: number, end: number): void =>
      void views.push(slab.subarray(start, end));
    await slabsOf({ onMessage, onEnd() {}, onWritable() {} }, 200);
    expect(views.map((view) => view.every((byte) => byte === view[0]) && view[0])).toEqual(
      Array.from({ length: 200 }, (_, i) => i),
    );
  });

  test('that keeps nothing is given the same few slabs again', async () => {
    const slabs = new Set<SlabUse>();
    const onMessage = (_slab: Buffer, _start: number, _end: number, use: SlabUse): void =>
      void slabs.add(use);
    await slabsOf({ tellsUse: true, onMessage, onEnd() {}, onWritable() {} }, 200);
    expect(slabs.size).toBeLessThanOrEqual(3);
  });
});

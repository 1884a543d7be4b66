import { describe, expect, test } from '@jest/globals';
import { messageView } from '../src/message-view.ts';

describe('the view of a message', () => {
  const slab = Buffer.allocUnsafeSlow(64);
  for (let i = 0; i < slab.length; i += 1) slab[i] = i;

  test('is a Buffer to everyone who asks, and shares the memory it was made of', () => {
    const view = messageView(slab, 8, 12);
    expect(Buffer.isBuffer(view)).toBe(true);
    expect(view.constructor).toBe(Buffer);
    expect(view.toString('hex')).toBe('08090a0b');
    expect(view.equals(Buffer.from([8, 9, 10, 11]))).toBe(true);
    expect(view.subarray(1, 2)).toStrictEqual(Buffer.from([9]));
    expect(Buffer.concat([view, view])).toHaveLength(8);
    expect(JSON.stringify(view)).toBe(JSON.stringify(Buffer.from([8, 9, 10, 11])));
    expect(structuredClone(view)).toEqual(new Uint8Array([8, 9, 10, 11]));
    view[0] = 99;
    expect(slab[8]).toBe(99);
  });

  test('shows the slab it is asked of, whatever slab was the last', () => {
    const pooled = Buffer.from('a piece of a pool');
    const large = Buffer.alloc(100_000, 7);
    expect(messageView(pooled, 2, 7).toString()).toBe('piece');
    expect(messageView(large, 99_998, 100_000)).toStrictEqual(Buffer.from([7, 7]));
    expect(messageView(pooled, 8, 10).toString()).toBe('of');
    expect(messageView(slab, 4, 4)).toHaveLength(0);
  });
});

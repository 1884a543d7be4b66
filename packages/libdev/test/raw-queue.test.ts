import { describe, expect, test } from '@jest/globals';
import type { SlabUse } from '@flowring/channel';
import fc from 'fast-check';
import { RawQueue } from '../src/raw-queue.ts';

interface Slab {
  readonly bytes: Buffer;
  readonly use: SlabUse;
}

const slabOf = (text: string): Slab => ({ bytes: Buffer.from(text), use: { isKept: false, claims: 0 } });

describe('a queue of messages in slabs', () => {
  test('claims a slab until the last of its messages is taken', () => {
    const queue = new RawQueue();
    const slab = slabOf('ab');
    queue.push(slab.bytes, 0, 1, slab.use);
    queue.push(slab.bytes, 1, 2, slab.use);
    queue.shiftInto(Buffer.alloc(8));
    expect(slab.use.claims).toBe(1);
    queue.shiftInto(Buffer.alloc(8));
    expect(slab.use).toEqual({ isKept: false, claims: 0 });
  });

  test('keeps a slab of which it made a view', () => {
    const queue = new RawQueue();
    const slab = slabOf('a');
    queue.push(slab.bytes, 0, 1, slab.use);
    expect([String(queue.shift()), slab.use]).toEqual(['a', { isKept: true, claims: 0 }]);
  });

  test('claims no slab any more once it is compact', () => {
    const queue = new RawQueue();
    const slabs = [slabOf('ab'), slabOf('cd')];
    for (const { bytes, use } of slabs) {
      queue.push(bytes, 0, 1, use);
      queue.push(bytes, 1, 2, use);
    }
    queue.shift();
    queue.compact();
    expect(slabs.map(({ use }) => use.claims)).toEqual([0, 0]);
    for (const { bytes } of slabs) bytes.fill('x');
    expect([queue.shift(), queue.shift(), queue.shift()].join('')).toBe('bcd');
  });

  test('gives every message in order, whatever is pushed, taken and compacted in between', () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          t: fc.constant('push' as const),
          length: fc.nat(5),
          fresh: fc.boolean(),
          count: fc.integer({ min: 1, max: 9 }),
          gap: fc.nat(2),
        }),
      },
      { weight: 4, arbitrary: fc.record({ t: fc.constantFrom('shift' as const, 'shiftInto' as const) }) },
      { weight: 1, arbitrary: fc.record({ t: fc.constant('compact' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const queue = new RawQueue();
        const expected: string[] = [];
        const slabs: Slab[] = [];
        let used = 0;
        for (const [index, action] of steps.entries()) {
          if (action.t === 'push') {
            const stride = action.length + action.gap;
            if (action.fresh || slabs.length === 0 || used + action.count * stride > 64) {
              slabs.push(slabOf(' '.repeat(64)));
              used = 0;
            }
            const { bytes, use } = slabs.at(-1)!;
            const text = String.fromCharCode(97 + (index % 26)).repeat(action.length);
            const first = used;
            for (let i = 0; i < action.count; i++, used += stride) {
              bytes.write(text, used);
              expected.push(text);
            }
            if (action.count === 1) queue.push(bytes, first, first + action.length, use);
            else queue.pushRun(bytes, first, stride, action.length, action.count, use);
          } else if (action.t === 'compact') queue.compact();
          else if (expected.length > 0) {
            const target = Buffer.alloc(8);
            const got = action.t === 'shift' ? queue.shift() : target.subarray(0, queue.shiftInto(target));
            expect(String(got)).toBe(expected.shift());
          }
          expect(queue.length).toBe(expected.length);
          if (expected.length > 0) expect(queue.headBytes).toBe(expected[0]!.length);
        }
        while (expected.length > 0) expect(String(queue.shift())).toBe(expected.shift());
        expect(slabs.every(({ use }) => use.claims === 0)).toBe(true);
      }),
    );
  });
});

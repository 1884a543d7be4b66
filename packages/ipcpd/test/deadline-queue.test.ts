import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Deadline } from '../src/core/deadline-queue.ts';
import { DeadlineQueue } from '../src/core/deadline-queue.ts';

describe('the deadline queue', () => {
  test('gives out what was not cancelled, earliest first', () => {
    const steps = fc.array(fc.tuple(fc.nat(1_000), fc.boolean()), { maxLength: 400 });
    fc.assert(
      fc.property(steps, (adds) => {
        const queue = new DeadlineQueue<number>();
        const armed: Deadline<number>[] = adds.map(([at]) => queue.add(at, at));
        adds.forEach(([, cancel], i) => {
          if (cancel) queue.cancel(armed[i]!);
        });
        const expected = adds.filter(([, cancel]) => !cancel).map(([at]) => at);
        expect(queue.size).toBe(expected.length);
        const taken: number[] = [];
        for (let one = queue.takeDue(1_000); one !== null; one = queue.takeDue(1_000)) taken.push(one);
        expect(taken).toEqual(expected.sort((a, b) => a - b));
        expect(queue.size).toBe(0);
      }),
    );
  });

  test('keeps what is not due', () => {
    const queue = new DeadlineQueue<string>();
    queue.add(10, 'later');
    expect(queue.takeDue(9)).toBeNull();
    expect(queue.nextAt()).toBe(10);
  });

  test('takes a cancel of something that was taken as done', () => {
    const queue = new DeadlineQueue<string>();
    const first = queue.add(1, 'first');
    queue.add(2, 'second');
    queue.takeDue(1);
    queue.cancel(first);
    expect(queue.size).toBe(1);
  });
});

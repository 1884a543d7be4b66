import { expect } from '@jest/globals';
import { fc, test } from '@fast-check/jest';
import { REPLAY_WINDOW, ReplayWindow } from '../../src/core/udp/replay-window.ts';

/** Steps forwards and backwards, near and far. */
const steps = fc.array(
  fc.oneof(
    fc.integer({ min: -40, max: 40 }),
    fc.integer({ min: -REPLAY_WINDOW, max: REPLAY_WINDOW }),
    fc.integer({ min: -5_000, max: 5_000 }),
  ),
  { maxLength: 300 },
);

//= R-UDP-05
test.prop([fc.constantFrom(1, 0, 0xffff_ffff, 0xffff_fe00, 0x7fff_fff0), steps])(
  'each number within the window is taken once, as a set of all would have it',
  (first, path) => {
    const window = new ReplayWindow(first);
    const taken = new Set<number>();
    let top = -1;
    let at = 0;
    for (const step of path) {
      at = Math.max(0, at + step);
      const isNew = !taken.has(at);
      const mayBeOld = top - at >= REPLAY_WINDOW;
      const got = window.take((first + at) >>> 0);
      if (!isNew) expect(got).toBe(false);
      else if (!mayBeOld) expect(got).toBe(true);
      if (got) taken.add(at);
      top = Math.max(top, at);
    }
  },
);

test('what is reordered by less than the window is taken, however far the peer is ahead', () => {
  const window = new ReplayWindow(1);
  expect(window.take(1_000_000)).toBe(true);
  expect(window.take(1_000_000 - REPLAY_WINDOW + 1)).toBe(true);
  expect(window.take(1_000_000 - REPLAY_WINDOW)).toBe(false);
});

test('the share of numbers that did not come is known, late ones counted as come', () => {
  const window = new ReplayWindow(1);
  expect(window.loss).toBeNull();
  for (const number of [1, 2, 3, 5, 10]) window.take(number);
  expect(window.loss).toBe(0.5);
  window.take(4);
  window.take(4);
  expect(window.loss).toBeCloseTo(0.4);
});

import { expect, test } from '@jest/globals';
import { VirtualClock } from '../src/testing/virtual-clock.ts';

test.each([1, 1_000, 1_000_000])('timers of one instant fire in order after %d s', async (seconds) => {
  const clock = new VirtualClock();
  await clock.advanceTo(seconds * 1_000_000);
  const fired: number[] = [];
  const order = Array.from({ length: 50 }, (_, n) => n);
  for (const n of order) clock.after(10, () => void fired.push(n));
  await clock.advanceTo(seconds * 1_000_000 + 10);
  expect(fired).toEqual(order);
});

test('a cancelled timer does not fire, and one set by another at the same instant does', async () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  const gone = clock.after(5, () => void fired.push('gone'));
  clock.after(5, () => {
    clock.cancel(gone);
    clock.after(0, () => void fired.push('now'));
  });
  clock.cancel(gone);
  clock.cancel(gone);
  await clock.advanceTo(clock.nowUs() + 5);
  expect(fired).toEqual(['now']);
});

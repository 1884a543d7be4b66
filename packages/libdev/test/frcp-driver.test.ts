import { expect, test } from '@jest/globals';
import { FrcpDriver, type Pumped } from '../src/frcp-driver.ts';
import { VirtualClock } from '../src/testing/virtual-clock.ts';

/** A connection with one deadline, which may lie nearer than any real timer is fine. */
class OneDeadline implements Pumped {
  heapIndex = -1;
  deadlineUs = 0;
  touched = false;
  readonly firedAt: number[] = [];
  readonly #atUs: number;

  constructor(atUs: number) {
    this.#atUs = atUs;
  }

  timedOut(nowUs: number): void {
    if (nowUs >= this.#atUs) this.firedAt.push(nowUs);
  }

  pump(): number {
    return this.firedAt.length === 0 ? this.#atUs : Infinity;
  }
}

test.each([50, 999, 1_000.5])('a deadline in %d us is met under a virtual clock', async (inUs) => {
  const clock = new VirtualClock();
  const driver = new FrcpDriver(clock);
  const connection = new OneDeadline(clock.nowUs() + inUs);
  driver.touch(connection);
  const beganUs = clock.nowUs();
  await clock.advanceTo(beganUs + 5_000);
  expect(connection.firedAt).toEqual([beganUs + Math.ceil(inUs)]);
});

import { FlowringError } from '@flowring/common';
import type { Timed } from '../deadline-heap.ts';
import { DeadlineHeap } from '../deadline-heap.ts';
import type { RuntimeClock, TimerHandle } from '../clock.ts';

/** Timers one advance may fire: more means that somebody sets a timer for now again and again. */
const STEPS_MAX = 200_000;

class VirtualTimer implements Timed {
  heapIndex = -1;
  deadlineUs = 0;
  readonly fire: () => void;

  constructor(fire: () => void) {
    this.fire = fire;
  }
}

/** A clock that moves only when told. Timers of one instant fire in the order in which they were set. */
export class VirtualClock implements RuntimeClock {
  /** Turns take no time here: only a timer gets to a deadline. */
  readonly turnUs = 0;
  #nowUs = 1_000_000;
  #order = 0;
  readonly #timers = new DeadlineHeap<VirtualTimer>();

  nowUs(): number {
    return Math.floor(this.#nowUs);
  }

  after(delayUs: number, fire: () => void): TimerHandle {
    const timer = new VirtualTimer(fire);
    // The fraction keeps timers of one microsecond in order.
    const tie = (this.#order++ % 1_000_000) / 1e9;
    this.#timers.set(timer, Math.ceil(this.#nowUs + Math.max(0, delayUs)) + tie);
    return timer;
  }

  cancel(handle: TimerHandle): void {
    this.#timers.delete(handle as VirtualTimer);
  }

  afterInput(run: () => void): void {
    this.after(0, run);
  }

  hold(): void {
    // A virtual clock does not wait, so there is nothing to keep alive.
  }

  /** Microseconds until the next timer; `Infinity` when there is none. */
  get untilNextUs(): number {
    const first = this.#timers.first;
    return first === undefined ? Infinity : Math.max(0, Math.floor(first.deadlineUs) - this.nowUs());
  }

  /** Moves to `untilUs`, firing what is due on the way; between two timers all promise reactions run. */
  async advanceTo(untilUs: number): Promise<void> {
    let stepsLeft = STEPS_MAX;
    await drainReactions();
    for (let first = this.#timers.first; first !== undefined; first = this.#timers.first) {
      if (Math.floor(first.deadlineUs) > untilUs) break;
      this.#timers.delete(first);
      this.#nowUs = Math.max(this.#nowUs, Math.floor(first.deadlineUs));
      if (stepsLeft-- === 0) throw new FlowringError('FLOWRING_INTERNAL', { message: 'time stands still' });
      first.fire();
      await drainReactions();
    }
    this.#nowUs = Math.max(this.#nowUs, untilUs);
  }
}

/** Lets all promise reactions run: Node runs them to the end before the next immediate. */
export function drainReactions(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

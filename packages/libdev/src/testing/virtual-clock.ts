import { FlowringError } from '@flowring/common';
import type { Timed } from '../deadline-heap.ts';
import { DeadlineHeap } from '../deadline-heap.ts';
import type { RuntimeClock, TimerHandle } from '../clock.ts';

/** Timers one advance may fire: more means that somebody sets a timer for now again and again. */
const STEPS_MAX = 200_000;

/** The timers of one microsecond, in the order in which they were set. */
class Instant implements Timed {
  heapIndex = -1;
  deadlineUs = 0;
  readonly timers = new Set<VirtualTimer>();
}

interface VirtualTimer {
  readonly instant: Instant;
  readonly fire: () => void;
}

/** A clock that moves only when told. Timers of one instant fire in the order in which they were set. */
export class VirtualClock implements RuntimeClock {
  /** Turns take no time here: only a timer gets to a deadline. */
  readonly turnUs = 0;
  #nowUs = 1_000_000;
  readonly #heap = new DeadlineHeap<Instant>();
  readonly #instants = new Map<number, Instant>();

  nowUs(): number {
    return Math.floor(this.#nowUs);
  }

  after(delayUs: number, fire: () => void): TimerHandle {
    const atUs = Math.ceil(this.#nowUs + Math.max(0, delayUs));
    let instant = this.#instants.get(atUs);
    if (instant === undefined) {
      this.#instants.set(atUs, (instant = new Instant()));
      this.#heap.set(instant, atUs);
    }
    const timer: VirtualTimer = { instant, fire };
    instant.timers.add(timer);
    return timer;
  }

  cancel(handle: TimerHandle): void {
    const timer = handle as VirtualTimer;
    const { instant } = timer;
    if (!instant.timers.delete(timer) || instant.timers.size > 0) return;
    this.#heap.delete(instant);
    this.#instants.delete(instant.deadlineUs);
  }

  afterInput(run: () => void): void {
    this.after(0, run);
  }

  hold(): void {
    // A virtual clock does not wait, so there is nothing to keep alive.
  }

  /** Microseconds until the next timer; `Infinity` when there is none. */
  get untilNextUs(): number {
    const first = this.#heap.first;
    return first === undefined ? Infinity : Math.max(0, first.deadlineUs - this.nowUs());
  }

  /** Moves to `untilUs`, firing what is due on the way; between two timers all promise reactions run. */
  async advanceTo(untilUs: number): Promise<void> {
    let stepsLeft = STEPS_MAX;
    await drainReactions();
    for (let first = this.#heap.first; first !== undefined; first = this.#heap.first) {
      if (first.deadlineUs > untilUs) break;
      const [timer] = first.timers;
      this.cancel(timer!);
      this.#nowUs = Math.max(this.#nowUs, first.deadlineUs);
      if (stepsLeft-- === 0) throw new FlowringError('FLOWRING_INTERNAL', { message: 'time stands still' });
      timer!.fire();
      await drainReactions();
    }
    this.#nowUs = Math.max(this.#nowUs, untilUs);
  }
}

/** Lets all promise reactions run: Node runs them to the end before the next immediate. */
export function drainReactions(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

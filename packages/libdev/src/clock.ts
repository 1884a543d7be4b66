/** A pending timer of a {@link RuntimeClock}. */
export type TimerHandle = object;

/** The time source and scheduler of a runtime: the real one, or a test layer's virtual one. */
export interface RuntimeClock {
  /** A deadline nearer than this is served by the next turn: no timer is that fine. µs. */
  readonly turnUs: number;
  /** Monotonic, whole microseconds. */
  nowUs(): number;
  /** Calls `fire` once, not before `delayUs` passed. Does not keep the process alive. */
  after(delayUs: number, fire: () => void): TimerHandle;
  cancel(handle: TimerHandle): void;
  /** Calls `run` once, after the input that is waiting now was taken in. */
  afterInput(run: () => void): void;
  /** Keeps the process alive while called more often with true than with false. */
  hold(on: boolean): void;
}

/** How long a hold outlives its reason, ms: toggling the event loop's reference on each read would cost more. */
const HOLD_GRACE_MS = 10;
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** Node's clock and timers. One timer handle keeps the process alive, for all that waits. */
export class RealClock implements RuntimeClock {
  readonly turnUs = 1_000;
  #holds = 0;
  #held = false;
  #checkArmed = false;
  #anchor: NodeJS.Timeout | undefined;

  nowUs(): number {
    return Math.floor(performance.now() * 1_000);
  }

  after(delayUs: number, fire: () => void): TimerHandle {
    const delayMs = Math.min(Math.ceil(delayUs / 1_000), LONGEST_TIMER_MS);
    return setTimeout(fire, delayMs).unref();
  }

  cancel(handle: TimerHandle): void {
    clearTimeout(handle as NodeJS.Timeout);
  }

  afterInput(run: () => void): void {
    setImmediate(run);
  }

  hold(on: boolean): void {
    if (on) {
      if (++this.#holds === 1 && !this.#held) this.#setHeld(true);
      return;
    }
    if (--this.#holds > 0 || this.#checkArmed) return;
    this.#checkArmed = true;
    setTimeout(() => {
      this.#checkArmed = false;
      if (this.#holds === 0) this.#setHeld(false);
    }, HOLD_GRACE_MS);
  }

  #setHeld(held: boolean): void {
    this.#held = held;
    if (held) this.#anchor = setInterval(() => undefined, LONGEST_TIMER_MS);
    else clearInterval(this.#anchor);
  }
}

/** Longest busy wait in one turn of the event loop, us. */
const SPIN_MAX_US = 40;
/** A sleep costs about this much more than a busy wait, so a sleep this short beyond it would have been a hit. */
const WAKE_COST_US = 20;
/** After a miss so many chances are let go, twice as many after each further one, up to the second number. */
const BACKOFF_MIN = 16;
const BACKOFF_MAX = 8_192;

/**
 * Whether to wait busily for the peer's answer before going to sleep: worth it while answers come within tens of
 * microseconds and the peer has a processor of its own, as in a request-response run on an idle host. Tries after
 * short sleeps; a miss costs one budget and makes the next try rarer, so a process that never hits pays nothing.
 */
export class Spinner {
  static readonly isEnabled = process.env['FLOWRING_SPIN'] !== '0';
  #isLikely = false;
  #chancesToSkip = 0;
  #backoff = BACKOFF_MIN;
  #sleptAtMs = 0;

  /** One chance: call when a turn with traffic ends. */
  isWorthwhile(): boolean {
    if (!this.#isLikely) return false;
    if (this.#chancesToSkip === 0) return true;
    this.#chancesToSkip--;
    return false;
  }

  /** Waits until `isReady` or the budget is used up; true: ready. */
  wait(isReady: () => boolean): boolean {
    const untilMs = performance.now() + SPIN_MAX_US / 1_000;
    do {
      for (let i = 0; i < 64; i++) {
        if (isReady()) {
          this.#backoff = BACKOFF_MIN;
          return true;
        }
      }
    } while (performance.now() < untilMs);
    this.#isLikely = false;
    this.#chancesToSkip = this.#backoff;
    this.#backoff = Math.min(2 * this.#backoff, BACKOFF_MAX);
    return false;
  }

  slept(): void {
    if (Spinner.isEnabled) this.#sleptAtMs = performance.now();
  }

  woke(): void {
    if (!Spinner.isEnabled || this.#sleptAtMs === 0) return;
    const sleptUs = (performance.now() - this.#sleptAtMs) * 1_000;
    this.#sleptAtMs = 0;
    this.#isLikely = sleptUs < SPIN_MAX_US + WAKE_COST_US;
  }
}

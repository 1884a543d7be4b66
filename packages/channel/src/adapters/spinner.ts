/** Longest busy wait in one turn of the event loop, us. */
const SPIN_MAX_US = 40;
/** Confidence grows by one with each wait that was, or would have been, short enough, and halves with a failed one. */
const CONFIDENCE_MAX = 8;
const CONFIDENCE_MIN = 2;
/** A sleep costs about this much more than a busy wait, so a sleep this short beyond it would have been a hit. */
const WAKE_COST_US = 30;

/**
 * Whether to wait busily for the peer's answer before going to sleep: worth it while answers come within tens of
 * microseconds, as in a request-response run, and never otherwise. Learns from hits, misses and short sleeps.
 */
export class Spinner {
  static readonly isEnabled = process.env['FLOWRING_SPIN'] !== '0';
  #confidence = 0;
  #sleptAtMs = 0;

  get isWorthwhile(): boolean {
    return Spinner.isEnabled && this.#confidence >= CONFIDENCE_MIN;
  }

  /** Waits until `isReady` or the budget is used up; true: ready. */
  wait(isReady: () => boolean): boolean {
    const untilMs = performance.now() + SPIN_MAX_US / 1_000;
    do {
      for (let i = 0; i < 64; i++) {
        if (isReady()) {
          if (this.#confidence < CONFIDENCE_MAX) this.#confidence++;
          return true;
        }
      }
    } while (performance.now() < untilMs);
    this.#confidence >>= 1;
    return false;
  }

  slept(): void {
    if (Spinner.isEnabled) this.#sleptAtMs = performance.now();
  }

  woke(): void {
    if (!Spinner.isEnabled || this.#sleptAtMs === 0) return;
    const sleptUs = (performance.now() - this.#sleptAtMs) * 1_000;
    this.#sleptAtMs = 0;
    if (sleptUs > SPIN_MAX_US + WAKE_COST_US) this.#confidence = 0;
    else if (this.#confidence < CONFIDENCE_MAX) this.#confidence++;
  }
}

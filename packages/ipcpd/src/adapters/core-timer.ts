import type { InstantUs } from '@flowring/frcp';
import { monotonicUs } from './monotonic-clock.ts';

/** Largest wait of one Node timer. */
const TIMER_MAX_MS = 0x7fff_ffff;

/** One timer for a core: when it fires, packets that have arrived go first. */
export class CoreTimer {
  readonly #due: () => void;
  #timer: NodeJS.Timeout | null = null;
  #grace: NodeJS.Immediate | null = null;
  #atUs: InstantUs = Infinity;
  #closed = false;

  constructor(due: () => void) {
    this.#due = due;
  }

  /** When the core wants to be called; `null`: not at all. */
  arm(nextUs: InstantUs | null): void {
    const atUs = nextUs ?? Infinity;
    if (this.#closed || this.#grace !== null || atUs === this.#atUs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#atUs = atUs;
    if (atUs === Infinity) return;
    const waitMs = Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil((atUs - monotonicUs()) / 1_000)));
    this.#timer = setTimeout(this.#fire, waitMs);
    this.#timer.unref();
  }

  /** It never fires again, and is not armed again. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#grace !== null) clearImmediate(this.#grace);
    this.#timer = this.#grace = null;
  }

  /** Timers run before the poll phase: it delivers what has arrived, then the clock is looked at. */
  readonly #fire = (): void => {
    this.#timer = null;
    this.#grace = setImmediate(() => {
      this.#grace = null;
      this.#atUs = Infinity;
      this.#due();
    });
  };
}

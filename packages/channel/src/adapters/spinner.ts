import { MAY_WAIT_BUSILY, TRIAL_MAX_US } from './busy-wait.ts';

/** Longest busy wait in one turn of the event loop, us. */
const SPIN_MAX_US = 40;
/** A sleep costs about this much more than a busy wait, so a sleep this short beyond it would have been a hit. */
const WAKE_COST_US = 20;
/**
 * How long a process stays awake, turn after turn, to find out whether waiting busily pays, ms. The kernel wakes the
 * reader of a pipe on its writer's processor, so at first the two ends may share one; when both want to run it moves
 * one of them within some ticks, and from then on neither needs to sleep.
 */
const TRIAL_MS = 4;
/** A trial pays when answers within a turn outnumber turns without by this, in its second half. */
const HITS_PER_MISS = 8;
/** After a failed trial so many chances are let go, twice as many after each further one, up to the second number. */
const BACKOFF_MIN = 64;
const BACKOFF_MAX = 4_096;

/** `again`: other work has its turn, then the wait goes on. */
export type SpinOutcome = 'ready' | 'again' | 'miss';

/**
 * Whether to wait busily for the peer's answer before going to sleep: worth it while answers come within tens of
 * microseconds and the peer has a processor of its own, as in a request-response run on an idle host. One miss ends a
 * run of hits; two in a row start a trial, and failed trials become ever rarer, so a process that never hits pays next
 * to nothing.
 */
export class Spinner {
  #isLikely = false;
  #sleptUs = Infinity;
  #wasHit = false;
  #chancesToSkip = 0;
  #backoff = BACKOFF_MIN;
  #sleptAtMs = 0;
  /** When the trial began; 0: none is on. */
  #trialSinceMs = 0;
  #lateHits = 0;
  #lateMisses = 0;

  /** Whether the peer's last answer came soon enough for a busy wait that lets others run. */
  get isWithinTrial(): boolean {
    return this.#sleptUs < TRIAL_MAX_US;
  }

  /** One chance: call when a turn of a conversation ends. */
  isWorthwhile(): boolean {
    if (!this.#isLikely) return false;
    if (this.#chancesToSkip === 0) return true;
    this.#chancesToSkip--;
    return false;
  }

  /** Waits until `isReady`, for one turn's budget. */
  wait(isReady: () => boolean): SpinOutcome {
    const nowMs = performance.now();
    const untilMs = nowMs + SPIN_MAX_US / 1_000;
    do {
      for (let i = 0; i < 64; i++) {
        if (isReady()) return this.#hit(nowMs);
      }
    } while (performance.now() < untilMs);
    return this.#miss(nowMs);
  }

  slept(): void {
    if (MAY_WAIT_BUSILY) this.#sleptAtMs = performance.now();
  }

  woke(): void {
    if (!MAY_WAIT_BUSILY || this.#sleptAtMs === 0) return;
    this.#sleptUs = (performance.now() - this.#sleptAtMs) * 1_000;
    this.#sleptAtMs = 0;
    this.#isLikely = this.#sleptUs < SPIN_MAX_US + WAKE_COST_US;
  }

  #hit(nowMs: number): SpinOutcome {
    this.#wasHit = true;
    if (this.#trialSinceMs === 0) {
      this.#backoff = BACKOFF_MIN;
      return 'ready';
    }
    if (nowMs - this.#trialSinceMs >= TRIAL_MS / 2) this.#lateHits++;
    if (nowMs - this.#trialSinceMs >= TRIAL_MS) this.#endTrial();
    return 'ready';
  }

  #miss(nowMs: number): SpinOutcome {
    if (this.#trialSinceMs === 0) {
      if (this.#wasHit) {
        this.#wasHit = false;
        this.#isLikely = false;
        return 'miss';
      }
      this.#trialSinceMs = nowMs;
    }
    const trialMs = nowMs - this.#trialSinceMs;
    if (trialMs >= TRIAL_MS / 2) this.#lateMisses++;
    if (trialMs < TRIAL_MS) return 'again';
    this.#endTrial();
    return this.#isLikely ? 'again' : 'miss';
  }

  #endTrial(): void {
    const pays = this.#lateHits > HITS_PER_MISS * this.#lateMisses;
    this.#trialSinceMs = 0;
    this.#lateHits = 0;
    this.#lateMisses = 0;
    this.#wasHit = pays;
    this.#isLikely = pays;
    if (pays) return;
    this.#chancesToSkip = this.#backoff;
    this.#backoff = Math.min(2 * this.#backoff, BACKOFF_MAX);
  }
}

import { loadLibc } from './libc.ts';

/** Where something may come from while a process waits busily. */
export interface WaitSource {
  /** Whether something has come. */
  hasNews(): boolean;
  /** Takes it in. */
  takeIn(): void;
}

/** A source that is waited for: it tells nobody to wake it meanwhile. */
export interface Awaited extends WaitSource {
  /** The wait is over: it sleeps until it is woken. */
  rest(): void;
}

/** Whether this process may use the processor while it waits. */
export const MAY_WAIT_BUSILY = process.env['FLOWRING_SPIN'] !== '0';
/** Longest wait for the next message of a conversation, us: two IPCPs may lie between the two programs. */
const WAIT_MAX_US = 150;
/** Longest first wait, us: all the others on the way sleep when it begins, and wake up one after the other. */
export const TRIAL_MAX_US = 500;
/** A turn of the event loop comes at least so often, us. */
const TURN_US = 50;
/** A look takes so long only when the processor has other work, which is not to be kept waiting, us. */
const STOLEN_US = 200;
/** Looks between two of the calls that let others run. */
const LOOKS = 8;
/** Sources in conversation; a process with more of them has enough to do. */
const AWAITED_MAX = 8;
/** So many news in a row from elsewhere keep a wait up; from then on they are others' conversations. */
const COMPANION_NEWS_MAX = 8;
/** After waits in vain so many chances are let go, twice as many after each further one, up to the second number. */
const BACKOFF_MIN = 64;
const BACKOFF_MAX = 4_096;

/**
 * A process in conversation waits a moment for the next message before it goes to sleep: where an answer takes a few
 * wake-ups of other processes, these are most of its time. It lets others run between any two looks, so that ends which
 * share a processor do not wait for each other; and where waiting does not pay it becomes ever rarer.
 */
export class BusyWait {
  readonly #letOthersRun: () => unknown;
  readonly #nowUs: () => number;
  readonly #awaited = new Set<Awaited>();
  readonly #companions = new Set<WaitSource>();
  #isOn = false;
  #newsAtUs = 0;
  #companionNews = 0;
  #wasHit = false;
  #chancesToSkip = 0;
  #backoff = BACKOFF_MIN;

  constructor(letOthersRun: () => unknown, nowUs: () => number) {
    this.#letOthersRun = letOthersRun;
    this.#nowUs = nowUs;
  }

  /** From now on every wait is for this too. */
  accompany(source: WaitSource): void {
    this.#companions.add(source);
  }

  /** Whether answers may come from elsewhere than those that are asked. */
  get hasCompanions(): boolean {
    return this.#companions.size > 0;
  }

  /** The source is gone. */
  leave(source: WaitSource): void {
    this.#awaited.delete(source as Awaited);
    this.#companions.delete(source);
  }

  /** Whether the source is being waited for: it need not sleep. */
  awaits(source: Awaited): boolean {
    return this.#awaited.has(source);
  }

  /** A chance: a turn of a conversation ended. False: it is not taken, and the source is to sleep. */
  expect(source: Awaited): boolean {
    if (!this.#isOn) {
      if (this.#chancesToSkip > 0) {
        this.#chancesToSkip--;
        return false;
      }
      this.#isOn = true;
      this.#newsAtUs = this.#nowUs();
      // In a turn of its own, so that the receivers' promises have run and their answers are sent.
      setImmediate(this.#turn);
    } else if (this.#awaited.size >= AWAITED_MAX && !this.#awaited.has(source)) return false;
    this.#awaited.add(source);
    return true;
  }

  get #maxUs(): number {
    return this.#wasHit ? WAIT_MAX_US : TRIAL_MAX_US;
  }

  readonly #turn = (): void => {
    if (this.#awaited.size === 0) return void (this.#isOn = false);
    const beganUs = this.#nowUs();
    for (let lookedUs = beganUs; ;) {
      const source = this.#look();
      if (source !== null) return this.#hit(source);
      this.#letOthersRun();
      const nowUs = this.#nowUs();
      const isStolen = nowUs - lookedUs > STOLEN_US;
      if (isStolen || nowUs - this.#newsAtUs > this.#maxUs) return this.#miss(isStolen);
      if (nowUs - beganUs > TURN_US) return void setImmediate(this.#turn);
      lookedUs = nowUs;
    }
  };

  #look(): WaitSource | null {
    for (let i = 0; i < LOOKS; i++) {
      for (const source of this.#awaited) if (source.hasNews()) return source;
    }
    for (const source of this.#companions) if (source.hasNews()) return source;
    return null;
  }

  #hit(source: WaitSource): void {
    this.#wasHit = true;
    this.#backoff = BACKOFF_MIN;
    this.#companionNews = this.#companions.has(source) ? this.#companionNews + 1 : 0;
    if (this.#companionNews <= COMPANION_NEWS_MAX) this.#newsAtUs = this.#nowUs();
    setImmediate(this.#turn);
    source.takeIn();
  }

  /** One wait in vain ends a run of hits, as every conversation ends; only the next one is held against waiting. */
  #miss(isStolen: boolean): void {
    if (isStolen || !this.#wasHit) {
      this.#chancesToSkip = this.#backoff;
      this.#backoff = Math.min(2 * this.#backoff, BACKOFF_MAX);
    }
    this.#wasHit = false;
    this.#isOn = false;
    const awaited = [...this.#awaited];
    this.#awaited.clear();
    for (const source of awaited) source.rest();
  }
}

let ofProcess: BusyWait | null | undefined;

/** The process's, made on first use; null where it always sleeps: without koffi, or with `FLOWRING_SPIN=0`. */
export function processBusyWait(): BusyWait | null {
  if (ofProcess === undefined) {
    const libc = MAY_WAIT_BUSILY ? loadLibc() : null;
    ofProcess = libc === null ? null : new BusyWait(libc.sched_yield, () => performance.now() * 1_000);
  }
  return ofProcess;
}

const PROBES_MAX = 1 << 16;
/** Loop rounds and calls of the code under test in one run; more counts as a hang. */
const STEPS_MAX = 20_000_000;
const COMPARISONS_MAX = 256;

export class HangError extends Error {
  constructor() {
    super(`hangs: over ${STEPS_MAX} steps`);
  }
}

/** A value the code compared with another. */
export interface Comparison {
  readonly seen: string | number;
  readonly wanted: string | number;
}

/** What the instrumented code reports to; installed as `globalThis.__fuzz` before any of it is loaded. */
export class Probes {
  readonly counters = new Uint32Array(PROBES_MAX);
  /** Counters in use, and literals of the code that has them. */
  used = 0;
  readonly words = new Set<string | number>();
  /** Unequal pairs of the run, while they are wanted. */
  comparisons: Comparison[] | null = null;
  #stepsLeft = STEPS_MAX;
  /** Bucket bits ever seen, by counter. */
  readonly #seen = new Uint8Array(PROBES_MAX);

  /** Called by each instrumented module as it loads. */
  readonly load = ([first, count, words]: [number, number, (string | number)[]]): object => {
    this.used = Math.max(this.used, first + count);
    for (const word of words) this.words.add(word);
    return { counters: this.counters, step: this.step, same: this.same };
  };

  readonly step = (): void => {
    if (--this.#stepsLeft < 0) {
      this.#stepsLeft = STEPS_MAX;
      throw new HangError();
    }
  };

  readonly same = (a: unknown, b: unknown): boolean => {
    if (this.comparisons !== null && a !== b) this.#note(a, b);
    return a === b;
  };

  /** Before a run. */
  reset(): void {
    this.counters.fill(0, 0, this.used);
    this.#stepsLeft = STEPS_MAX;
  }

  /** Bucket bits of the last run that no run before had; `commit` remembers them. */
  countNews(commit: boolean): number {
    const { counters, used } = this;
    let news = 0;
    for (let i = 0; i < used; i++) {
      const count = counters[i]!;
      if (count === 0) continue;
      const bit = bucketOf(count);
      if ((this.#seen[i]! & bit) !== 0) continue;
      news++;
      if (commit) this.#seen[i]! |= bit;
    }
    return news;
  }

  /** Branches of the last run. */
  branches(): number[] {
    const found: number[] = [];
    for (let i = 0; i < this.used; i++) if (this.counters[i]! > 0) found.push(i);
    return found;
  }

  /** Branches entered so far, by any run. */
  get covered(): number {
    let count = 0;
    for (let i = 0; i < this.used; i++) if (this.#seen[i] !== 0) count++;
    return count;
  }

  #note(a: unknown, b: unknown): void {
    const list = this.comparisons!;
    if (list.length >= COMPARISONS_MAX || typeof a !== typeof b) return;
    if (typeof a === 'number' || typeof a === 'string')
      list.push({ seen: a, wanted: b as typeof a }, { seen: b as typeof a, wanted: a });
  }
}

/** 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more: a loop that runs once more is news only now and then. */
function bucketOf(count: number): number {
  if (count < 4) return 1 << (count - 1);
  if (count < 16) return count < 8 ? 8 : 16;
  if (count < 128) return count < 32 ? 32 : 64;
  return 128;
}

/** Draws from a seeded source of 32-bit numbers (splitmix32): the same seed gives the same run on every machine. */
export class Dice {
  #state: number;
  /** The next number, 0 to 2^32 - 1. May be handed on as a function. */
  readonly u32 = (): number => this.#next();

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** True in `perMille` of 1000 draws. */
  chance(perMille: number): boolean {
    return this.#next() % 1_000 < perMille;
  }

  /** True with probability `p`. */
  odds(p: number): boolean {
    return this.#next() < p * 0x1_0000_0000;
  }

  /** A whole number below `n`. */
  below(n: number): number {
    return this.#next() % n;
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + (this.#next() % (high - low + 1));
  }

  /** A number from 0 on, exponentially distributed around `mean`. */
  exponential(mean: number): number {
    return Math.floor(-mean * Math.log((this.#next() + 1) / 0x1_0000_0001));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.#next() % values.length]!;
  }

  /** Another source, which draws nothing more from this one. */
  fork(): Dice {
    return new Dice(this.#next());
  }
}

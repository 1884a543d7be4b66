/** A seeded source of 32-bit numbers (splitmix32): the same seed gives the same run on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

/** Draws from a seeded source. */
export class Dice {
  readonly u32: () => number;

  constructor(seed: number) {
    this.u32 = seeded(seed);
  }

  /** True in `perMille` of 1000 draws. */
  chance(perMille: number): boolean {
    return this.u32() % 1_000 < perMille;
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + (this.u32() % (high - low + 1));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.u32() % values.length]!;
  }
}

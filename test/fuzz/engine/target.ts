/** Something that takes bytes from a stranger, or a sequence of operations written as bytes. */
export interface FuzzTarget {
  readonly name: string;
  /** What is fuzzed and what must hold, in one sentence. */
  readonly about: string;
  /** Longest input, bytes. */
  readonly maxBytes: number;
  /** Size of one operation in the input; mutations like to keep its bounds. Default 1: no such structure. */
  readonly unitBytes?: number;
  /** Inputs to begin with: at least one that gets far. */
  readonly seeds: readonly Uint8Array[];
  /** What the format compares input with, beside the literals of the code. */
  readonly words?: readonly string[];
  /** The input is text: kept readable. */
  readonly isText?: boolean;
  /** Takes one input; throws when something that must hold does not. */
  run(input: Uint8Array): void | Promise<void>;
}

/** Throws unless it holds. */
export function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Reads an input from front to back; zeros follow its end, so that every input is a whole program. */
export class InputReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u32(): number {
    return ((this.u16() << 16) | this.u16()) >>> 0;
  }

  /** An integer below `n`, `n` at most 256. */
  below(n: number): number {
    return this.u8() % n;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  take(length: number): Uint8Array {
    const taken = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length);
  }
}

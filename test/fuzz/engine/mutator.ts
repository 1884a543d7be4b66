import type { Prng } from '../../../packages/frcp/test/prng.ts';
import type { Comparison } from './probes.ts';

const INTERESTING = [0, 1, 2, 4, 8, 16, 32, 64, 127, 128, 255, 256, 1_023, 4_096, 32_767, 32_768, 65_535];
const INTERESTING_32 = [0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0010_0000, 0x0100_0000, 0x4000_0000];
const STACKED_MAX_LOG2 = 4;
const utf8 = new TextEncoder();

export interface MutatorOptions {
  readonly maxBytes: number;
  readonly unitBytes: number;
  readonly words: readonly (string | number)[];
}

/** Changes inputs: bits, arithmetic, blocks, words of the code, values it compared with, parts of others. */
export class Mutator {
  readonly #random: Prng;
  readonly #maxBytes: number;
  readonly #unitBytes: number;
  readonly #words: readonly (string | number)[];

  constructor(random: Prng, { maxBytes, unitBytes, words }: MutatorOptions) {
    this.#random = random;
    this.#maxBytes = maxBytes;
    this.#unitBytes = unitBytes;
    this.#words = words;
  }

  /** A changed copy of `from`. `other`: another input of the corpus. `comparisons`: of a run of `from`. */
  mutate(from: Uint8Array, other: Uint8Array, comparisons: readonly Comparison[]): Uint8Array {
    let bytes: Uint8Array = from.slice();
    const times = 1 << this.#random.below(STACKED_MAX_LOG2);
    for (let n = 0; n < times; n++) bytes = this.#change(bytes, other, comparisons);
    return bytes.length > this.#maxBytes ? bytes.slice(0, this.#maxBytes) : bytes;
  }

  #change(bytes: Uint8Array, other: Uint8Array, comparisons: readonly Comparison[]): Uint8Array {
    const random = this.#random;
    if (bytes.length === 0) return this.#insert(bytes, this.#block(other));
    switch (random.below(12)) {
      case 0:
        bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
        return bytes;
      case 1:
        bytes[random.below(bytes.length)] = random.below(256);
        return bytes;
      case 2:
        return this.#add(bytes);
      case 3:
        return this.#overwrite(bytes, this.#number(random.pick(INTERESTING)));
      case 4:
        return this.#overwrite(bytes, this.#wide(random.pick(INTERESTING_32)));
      case 5:
        return this.#remove(bytes);
      case 6:
        return this.#insert(bytes, this.#piece(bytes));
      case 7:
        return this.#overwrite(bytes, this.#piece(bytes));
      case 8:
        return this.#insert(bytes, this.#block(other));
      case 9:
        return this.#splice(bytes, other);
      case 10:
        return this.#word(bytes);
      default:
        return comparisons.length === 0 ? this.#word(bytes) : this.#satisfy(bytes, comparisons);
    }
  }

  #add(bytes: Uint8Array): Uint8Array {
    const delta = this.#random.between(-35, 35);
    const width = this.#random.pick([1, 2, 4]);
    const at = this.#random.below(bytes.length);
    if (at + width > bytes.length) {
      bytes[at]! += delta;
      return bytes;
    }
    const isLittle = this.#random.chance(0.3);
    let carry = delta;
    for (let i = 0; i < width; i++) {
      const place = isLittle ? at + i : at + width - 1 - i;
      const sum = bytes[place]! + carry;
      bytes[place] = sum;
      carry = Math.floor(sum / 256);
    }
    return bytes;
  }

  #remove(bytes: Uint8Array): Uint8Array {
    const { at, length } = this.#range(bytes.length);
    const out = new Uint8Array(bytes.length - length);
    out.set(bytes.subarray(0, at));
    out.set(bytes.subarray(at + length), at);
    return out;
  }

  #insert(bytes: Uint8Array, what: Uint8Array): Uint8Array {
    const at = this.#aligned(this.#random.below(bytes.length + 1));
    const out = new Uint8Array(bytes.length + what.length);
    out.set(bytes.subarray(0, at));
    out.set(what, at);
    out.set(bytes.subarray(at), at + what.length);
    return out;
  }

  #overwrite(bytes: Uint8Array, what: Uint8Array): Uint8Array {
    const at = this.#random.below(bytes.length);
    bytes.set(what.subarray(0, bytes.length - at), at);
    return bytes;
  }

  /** The front of one and the back of the other. */
  #splice(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const head = bytes.subarray(0, this.#aligned(this.#random.below(bytes.length + 1)));
    const tail = other.subarray(this.#aligned(this.#random.below(other.length + 1)));
    const out = new Uint8Array(head.length + tail.length);
    out.set(head);
    out.set(tail, head.length);
    return out;
  }

  #word(bytes: Uint8Array): Uint8Array {
    if (this.#words.length === 0) return bytes;
    const word = this.#random.pick(this.#words);
    const what = typeof word === 'string' ? utf8.encode(word) : this.#number(word);
    return this.#random.chance(0.5) ? this.#insert(bytes, what) : this.#overwrite(bytes, what);
  }

  /** Where the input holds a value the code compared, the value it was compared with goes (RedQueen, Aschermann 2019). */
  #satisfy(bytes: Uint8Array, comparisons: readonly Comparison[]): Uint8Array {
    const { seen, wanted } = this.#random.pick(comparisons);
    if (typeof seen === 'string') return replaceFirst(bytes, utf8.encode(seen), utf8.encode(String(wanted)));
    const width = this.#random.pick([1, 2, 4]);
    const isLittle = this.#random.chance(0.3);
    return replaceFirst(
      bytes,
      numberBytes(seen, width, isLittle),
      numberBytes(Number(wanted), width, isLittle),
    );
  }

  #number(value: number): Uint8Array {
    const width = value < 256 ? 1 : value < 65_536 ? 2 : 4;
    return numberBytes(value, this.#random.chance(0.2) ? 4 : width, this.#random.chance(0.3));
  }

  #wide(value: number): Uint8Array {
    return numberBytes(value + this.#random.between(-2, 2), 4, this.#random.chance(0.3));
  }

  /** A part of the other input, or a few random bytes. */
  #block(other: Uint8Array): Uint8Array {
    if (other.length > 0 && this.#random.chance(0.5)) return this.#piece(other);
    const block = new Uint8Array(this.#unitBytes * this.#random.between(1, 4));
    for (let i = 0; i < block.length; i++) block[i] = this.#random.below(256);
    return block;
  }

  #piece(bytes: Uint8Array): Uint8Array {
    const { at, length } = this.#range(bytes.length);
    return bytes.slice(at, at + length);
  }

  #range(size: number): { at: number; length: number } {
    const at = this.#aligned(this.#random.below(size));
    const most = this.#random.chance(0.75) ? Math.min(16 * this.#unitBytes, size - at) : size - at;
    const length = Math.min(size - at, this.#aligned(this.#random.between(1, Math.max(1, most))));
    return { at, length: Math.max(length, Math.min(this.#unitBytes, size - at)) };
  }

  /** Mostly the bound of an operation. */
  #aligned(at: number): number {
    const unit = this.#unitBytes;
    return unit === 1 || this.#random.chance(0.2) ? at : at - (at % unit);
  }
}

function numberBytes(value: number, width: number, isLittle: boolean): Uint8Array {
  const out = new Uint8Array(width);
  for (let i = 0; i < width; i++) out[isLittle ? i : width - 1 - i] = value >>> (8 * i);
  return out;
}

function replaceFirst(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(from);
  if (at < 0) return bytes;
  const out = new Uint8Array(bytes.length - from.length + to.length);
  out.set(bytes.subarray(0, at));
  out.set(to, at);
  out.set(bytes.subarray(at + from.length), at + to.length);
  return out;
}

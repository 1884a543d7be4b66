/** A power of 2, so that the place of a word does not jump where numbers wrap. */
const WORDS = 64;
/** Numbers behind the newest that are told apart, at least: one word is always being filled. */
export const REPLAY_WINDOW = (WORDS - 1) * 32;

/**
 * Which numbers have come: each is taken once, and none that lies further back than the window. Numbers are of 32
 * bits and wrap. The bitmap of RFC 6479: words are cleared as the window moves on, never shifted.
 */
//= R-UDP-05
export class ReplayWindow {
  readonly #words = new Uint32Array(WORDS);
  #top: number;
  #taken = 0;
  #passed = 0;

  /** `first`: the first number, not taken yet. */
  constructor(first: number) {
    this.#top = (first - 1) >>> 0;
  }

  /** The newest number taken; the one before the first when none was. */
  get newest(): number {
    return this.#top;
  }

  /** Whether the number is new. It is not any more. */
  take(number: number): boolean {
    const ahead = (number - this.#top) | 0;
    if (ahead > 0) this.#moveTo(number >>> 0, ahead);
    else if (this.isPast(number)) return false;
    const words = this.#words;
    const at = (number >>> 5) & (WORDS - 1);
    const bit = 1 << (number & 31);
    if ((words[at]! & bit) !== 0) return false;
    words[at] = words[at]! | bit;
    this.#taken += 1;
    return true;
  }

  /** Lies so far back that nobody knows whether it has come. */
  isPast(number: number): boolean {
    return ((number - this.#top) | 0) <= -REPLAY_WINDOW;
  }

  /** Share of the numbers up to the newest that did not come, 0 to 1; `null` before the first. */
  get loss(): number | null {
    return this.#passed === 0 ? null : Math.max(0, 1 - this.#taken / this.#passed);
  }

  #moveTo(number: number, ahead: number): void {
    this.#passed += ahead;
    const last = number >>> 5;
    if (ahead >= WORDS * 32) this.#words.fill(0);
    else
      for (let at = this.#top >>> 5; at !== last;)
        this.#words[(at = (at + 1) & 0x7ff_ffff) & (WORDS - 1)] = 0;
    this.#top = number;
  }
}

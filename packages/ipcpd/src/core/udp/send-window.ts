import { LIMITS } from '@flowring/common';
import { readU32, writeU32 } from './packet.ts';

/** Where in the bytes sent some numbers lie, a window's worth of them; more is not remembered. */
const MARKS = 32;
const MARK_BYTES = LIMITS.pathWindowBytes / 16;
/** A receiver tells what it has taken after so many bytes. */
export const TELL_BYTES = MARK_BYTES;
/** Silence after which what is under way is taken for lost, us. */
export const TOLD_WITHIN_US = 100_000;
const TAKEN_BYTES = 8;

/**
 * What of a raw flow is under way, as far as its receiver has told: a window's worth at most. So a receiver that is
 * slower slows its sender, and nothing is lost at its end; one that says nothing gets a window's worth every now and
 * then.
 */
//= R-UDP-30
export class SendWindow {
  readonly #numbers = new Uint32Array(MARKS);
  readonly #bytes = new Float64Array(MARKS);
  #oldest = 0;
  #next = 0;
  #newest = 0;
  #sent = 0;
  #taken = 0;
  #markAt = 0;
  #isOpen = true;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** A packet of so many bytes leaves, with the number that follows the last one's. */
  sent(number: number, bytes: number): void {
    this.#newest = number;
    this.#sent += bytes;
    if (this.#sent < this.#markAt) return;
    const at = this.#next++ % MARKS;
    this.#numbers[at] = number;
    this.#bytes[at] = this.#sent;
    this.#markAt = this.#sent + MARK_BYTES;
    this.#isOpen = this.#sent - this.#taken < LIMITS.pathWindowBytes;
  }

  /** What was sent up to this number is not under way any more. True: it was shut, and is open again. */
  taken(number: number): boolean {
    if (((this.#newest - number) | 0) < 0) return false;
    for (; this.#oldest < this.#next; this.#oldest += 1) {
      const at = this.#oldest % MARKS;
      if (((number - this.#numbers[at]!) | 0) < 0) break;
      this.#taken = this.#bytes[at]!;
    }
    // In long strides: what waits meanwhile has to be kept, and costs more than what passes.
    if (this.#isOpen || this.#sent - this.#taken > LIMITS.pathWindowBytes / 2) return false;
    return (this.#isOpen = true);
  }

  /** Nobody told for so long. */
  //= R-UDP-32
  giveUp(): void {
    this.#oldest = this.#next;
    this.#taken = this.#sent;
    this.#isOpen = true;
  }
}

/** Content of a packet of kind `taken`: the receiver's packets for the flow of this EID came up to this number. */
//= R-UDP-31
export function encodeTaken(eid: number, number: number): Uint8Array {
  const content = new Uint8Array(TAKEN_BYTES);
  writeU32(content, 0, eid);
  writeU32(content, 4, number);
  return content;
}

/** `null`: it is none. */
export function decodeTaken(content: Uint8Array): { readonly eid: number; readonly number: number } | null {
  if (content.length !== TAKEN_BYTES) return null;
  return { eid: readU32(content, 0), number: readU32(content, 4) };
}

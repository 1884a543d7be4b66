import type { Libc } from './libc.ts';
import { IOVEC_BYTES, MMSGHDR_BYTES, MMSGHDR_WORD, NAME_BYTES } from './constants.ts';

/** Words of one header, its vector, name and control bytes. */
const HEADER_WORDS = MMSGHDR_BYTES / 4;
const NAME_WORDS = NAME_BYTES / 4;

/**
 * `struct mmsghdr`s for recvmmsg and sendmmsg in one piece of memory, each with one `iovec`, a name and room for
 * control messages, their pointers written once. Everything is reached as 32-bit words.
 */
export class MessageHeaders {
  readonly words: Uint32Array;
  readonly address: number;
  readonly controlBytes: number;
  readonly #iovWord: number;
  readonly #nameWord: number;
  readonly #controlWord: number;

  /** `controlBytes`: of each header; a multiple of 8. */
  constructor(libc: Libc, count: number, controlBytes: number) {
    const iovs = count * MMSGHDR_BYTES;
    const names = iovs + count * IOVEC_BYTES;
    const controls = names + count * NAME_BYTES;
    // Not of Buffer's pool, so that it begins at a multiple of 8.
    const bytes = new Uint8Array(new ArrayBuffer(controls + count * controlBytes));
    this.words = new Uint32Array(bytes.buffer);
    this.address = libc.addressOf(bytes);
    this.controlBytes = controlBytes;
    this.#iovWord = iovs / 4;
    this.#nameWord = names / 4;
    this.#controlWord = controls / 4;
    for (let index = 0; index < count; index++) {
      const at = this.headerWord(index);
      this.#setPointer(at + MMSGHDR_WORD.name, this.address + this.nameWord(index) * 4);
      this.#setPointer(at + MMSGHDR_WORD.iov, this.address + this.#iovWord * 4 + index * IOVEC_BYTES);
      this.words[at + MMSGHDR_WORD.iovCount] = 1;
      this.#setPointer(at + MMSGHDR_WORD.control, this.address + this.controlWord(index) * 4);
    }
  }

  headerWord(index: number): number {
    return index * HEADER_WORDS;
  }

  nameWord(index: number): number {
    return this.#nameWord + index * NAME_WORDS;
  }

  controlWord(index: number): number {
    return this.#controlWord + index * (this.controlBytes / 4);
  }

  /** Where the message's bytes are. */
  setBytes(index: number, address: number, bytes: number): void {
    const at = this.#iovWord + index * (IOVEC_BYTES / 4);
    this.#setPointer(at, address);
    this.words[at + 2] = bytes;
  }

  /** Gives the kernel all the room for the sender's name and for control messages. */
  offerRoom(index: number): void {
    const at = this.headerWord(index);
    this.words[at + MMSGHDR_WORD.nameBytes] = NAME_BYTES;
    this.words[at + MMSGHDR_WORD.controlBytes] = this.controlBytes;
  }

  #setPointer(word: number, address: number): void {
    this.words[word] = address >>> 0;
    this.words[word + 1] = Math.floor(address / 2 ** 32);
  }
}

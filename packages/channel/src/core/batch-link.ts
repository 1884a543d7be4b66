import type { Link } from './link.ts';
import { HEADER_BYTES, NUMBER_RECORD_BYTES, RECORD, TYPE_SHIFT } from './record.ts';

const CHUNK_BYTES = 131_072;

/** Takes a batch; the bytes are not written again. False: no more until `unblock`. */
export type WriteBatch = (batch: Uint8Array) => boolean;

/** Gathers the records of a turn into one write of a stream. */
export class BatchLink implements Link {
  readonly recordMaxBytes = (CHUNK_BYTES >> 1) - HEADER_BYTES;
  bytes: Uint8Array = EMPTY;
  words: Int32Array = NO_WORDS;
  readonly #write: WriteBatch;
  readonly #requestFlush: () => void;
  #used = 0;
  #flushed = 0;
  #isBlocked = true;
  #isFlushDue = false;

  /** `requestFlush` asks the driver to call `flush` at the end of its turn. Blocked until the first `unblock`. */
  constructor(write: WriteBatch, requestFlush: () => void) {
    this.#write = write;
    this.#requestFlush = requestFlush;
  }

  reserve(bytes: number): number {
    if (this.bytes.length - this.#used < bytes) {
      if (this.#isBlocked) return -1;
      this.flush();
      if (this.#isBlocked) return -1;
      this.#startChunk();
    }
    return this.#isBlocked ? -1 : this.#used;
  }

  commit(bytes: number): void {
    this.#used += bytes;
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#requestFlush();
  }

  flush(): void {
    this.#isFlushDue = false;
    if (this.#used === this.#flushed) return;
    const batch = this.bytes.subarray(this.#flushed, this.#used);
    this.#flushed = this.#used;
    if (!this.#write(batch)) this.#isBlocked = true;
  }

  unblock(): void {
    this.#isBlocked = false;
  }

  /** Adds the close record, blocked or not, and writes everything. */
  close(errno: number): void {
    if (this.bytes.length - this.#used < NUMBER_RECORD_BYTES) {
      this.flush();
      this.#startChunk();
    }
    const at = this.#used >> 2;
    this.words[at] = (RECORD.close << TYPE_SHIFT) | 8;
    this.words[at + 1] = 0;
    this.words[at + 2] = errno;
    this.words[at + 3] = 0;
    this.#used += NUMBER_RECORD_BYTES;
    this.flush();
  }

  #startChunk(): void {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.bytes = chunk;
    this.words = new Int32Array(chunk.buffer, 0, CHUNK_BYTES >> 2);
    this.#used = 0;
    this.#flushed = 0;
  }
}

const EMPTY = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);

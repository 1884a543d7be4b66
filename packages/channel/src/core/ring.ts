import type { Link, Slab } from './link.ts';
import { HEADER_BYTES, LENGTH_MASK, RECORD, TYPE_SHIFT } from './record.ts';
import type { SlabPool } from './slab-pool.ts';
import { SLAB_BYTES } from './slab-pool.ts';

/** One direction's header words, as indexes of an Int32Array, 128 bytes apart (adjacent cache lines prefetch). */
const TAIL = 0;
const HEAD = 32;
const SLEEPING = 64;
const WAITING = 96;
const CLOSED = 128;
/** Bytes of one direction's header words. */
export const RING_HEADER_BYTES = 1_024;

/** Called when the other end must be woken. */
export type RingBell = () => void;

/**
 * The producer's end of a single-producer single-consumer ring of records in memory the other end can scribble
 * on. Positions run freely modulo 2^32; our own is private and only published.
 */
export class RingWriter implements Link {
  readonly recordMaxBytes: number;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** The consumer published a position that cannot be. */
  broken = false;
  readonly #header: Int32Array;
  readonly #ring: RingBell;
  readonly #size: number;
  #tail = 0;
  #free = 0;
  #pad = 0;

  constructor(memory: ArrayBufferLike, headerAt: number, ringAt: number, ringBytes: number, bell: RingBell) {
    this.#header = new Int32Array(memory, headerAt, RING_HEADER_BYTES >> 2);
    this.bytes = new Uint8Array(memory, ringAt, ringBytes);
    this.words = new Int32Array(memory, ringAt, ringBytes >> 2);
    this.#size = ringBytes;
    this.recordMaxBytes = (ringBytes >> 3) - HEADER_BYTES;
    this.#ring = bell;
  }

  reserve(bytes: number): number {
    const at = this.#tail & (this.#size - 1);
    const toEnd = this.#size - at;
    const pad = toEnd < bytes ? toEnd : 0;
    if (this.#free < bytes + pad && !this.#findRoom(bytes + pad)) return -1;
    this.#pad = pad;
    if (pad === 0) return at;
    this.words[at >> 2] = (RECORD.pad << TYPE_SHIFT) | (pad - HEADER_BYTES);
    this.words[(at >> 2) + 1] = 0;
    return 0;
  }

  commit(bytes: number): void {
    const length = bytes + this.#pad;
    this.#free -= length;
    this.#tail = (this.#tail + length) | 0;
    Atomics.store(this.#header, TAIL, this.#tail);
    if (Atomics.load(this.#header, SLEEPING) !== 0) this.#wake();
  }

  /** Whether a record of any size has room now. */
  hasRoom(): boolean {
    return this.#measure() >= this.#size >> 2;
  }

  /** Tells the consumer, beside the ring so that a full one does not matter, that nothing follows. */
  close(errno: number): void {
    Atomics.store(this.#header, CLOSED, errno + 1);
    Atomics.store(this.#header, SLEEPING, 0);
    this.#ring();
  }

  #wake(): void {
    if (Atomics.compareExchange(this.#header, SLEEPING, 1, 0) !== 0) this.#ring();
  }

  #findRoom(bytes: number): boolean {
    if (this.#measure() >= bytes) return true;
    // Ask for a bell first and look again: the consumer may have made room in between.
    Atomics.store(this.#header, WAITING, 1);
    return this.#measure() >= bytes;
  }

  #measure(): number {
    const used = (this.#tail - Atomics.load(this.#header, HEAD)) | 0;
    if (used < 0 || used > this.#size || this.broken) {
      this.broken = true;
      return (this.#free = 0);
    }
    return (this.#free = this.#size - used);
  }
}

/**
 * The consumer's end. Copies out before it looks at anything, or lends what it read once; every position is checked before
 * use.
 */
export class RingReader {
  /** The ring as a slab. */
  readonly lent: Slab;
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #size: number;
  readonly #ring: RingBell;
  #head = 0;

  constructor(memory: ArrayBufferLike, headerAt: number, ringAt: number, ringBytes: number, bell: RingBell) {
    this.#header = new Int32Array(memory, headerAt, RING_HEADER_BYTES >> 2);
    this.#bytes = new Uint8Array(memory, ringAt, ringBytes);
    this.#words = new Int32Array(memory, ringAt, ringBytes >> 2);
    const buffer = Buffer.from(memory as ArrayBuffer, ringAt, ringBytes);
    this.lent = { buffer, words: this.#words, isKept: false, claims: 0 };
    this.#size = ringBytes;
    this.#ring = bell;
  }

  /** Bytes that can be read; -1: the producer's position cannot be. */
  readable(): number {
    const used = (Atomics.load(this.#header, TAIL) - this.#head) | 0;
    return used < 0 || used > this.#size || (used & 7) !== 0 ? -1 : used;
  }

  /**
   * Copies whole records to a fresh piece of the pool's slab: as many as fit there, or one larger record.
   * Returns the bytes copied; the piece is `at` to `at + bytes` of `pool.slab`. -1: no record can be there.
   */
  take(readable: number, pool: SlabPool): number {
    const at = this.#head & (this.#size - 1);
    const bytes = this.#wholeRecords(at, Math.min(readable, this.#size - at), pool.roomBytes);
    if (bytes < 0) return -1;
    this.at = pool.take(bytes);
    copyOut(pool.slab, this.at, this.#bytes, this.#words, at, bytes);
    this.giveBack(bytes);
    return bytes;
  }

  /** Where the piece taken or lent last begins, in the pool's slab or in `lent`. */
  at = 0;

  /**
   * Whole records, a slab's worth at most, where they lie in `lent`: the producer can still write there. Returns their
   * bytes; `giveBack` them before anything else. -1: no record can be there.
   */
  lend(readable: number): number {
    this.at = this.#head & (this.#size - 1);
    return this.#wholeRecords(this.at, Math.min(readable, this.#size - this.at), SLAB_BYTES);
  }

  /** The producer may write over the oldest records: so many bytes were copied. */
  giveBack(bytes: number): void {
    this.#head = (this.#head + bytes) | 0;
    Atomics.store(this.#header, HEAD, this.#head);
    if (Atomics.load(this.#header, WAITING) !== 0) this.#wakeProducer();
  }

  /** Announces that the consumer returns to its event loop. False: something came; it does not sleep. */
  sleep(): boolean {
    Atomics.store(this.#header, SLEEPING, 1);
    if (this.readable() === 0 && Atomics.load(this.#header, CLOSED) === 0) return true;
    Atomics.store(this.#header, SLEEPING, 0);
    return false;
  }

  awake(): void {
    Atomics.store(this.#header, SLEEPING, 0);
  }

  /** The errno the producer closed with, or -1. What is readable comes before it. */
  closedErrno(): number {
    const closed = Atomics.load(this.#header, CLOSED);
    return closed === 0 ? -1 : (closed - 1) & 0xffff;
  }

  /**
   * Bytes of the whole records among the `bytes` at `at` that fit `room`; those that fit a fresh slab if none does; or
   * of one larger record. A guess from shared memory: the copy is what gets parsed.
   */
  #wholeRecords(at: number, bytes: number, room: number): number {
    if (bytes <= room) return bytes;
    let whole = 0;
    let limit = room;
    while (whole < bytes) {
      const length = this.#words[(at + whole) >> 2]! & LENGTH_MASK;
      const next = whole + HEADER_BYTES + ((length + 7) & ~7);
      if (next > limit) {
        if (whole > 0) break;
        limit = Math.max(next, SLAB_BYTES);
      }
      if (next > bytes) return -1;
      whole = next;
    }
    return whole;
  }

  /** A producer that found no room is woken once half the ring is free, so that it gets going in long strides. */
  #wakeProducer(): void {
    const used = this.readable();
    if (used > this.#size >> 1) return;
    if (Atomics.compareExchange(this.#header, WAITING, 1, 0) !== 0) this.#ring();
  }
}

/** Below this a loop over words beats the call into `set`. */
const LOOP_COPY_MAX_BYTES = 256;

function copyOut(
  slab: Slab,
  to: number,
  bytes: Uint8Array,
  words: Int32Array,
  from: number,
  length: number,
): void {
  if (length > LOOP_COPY_MAX_BYTES) {
    slab.buffer.set(bytes.subarray(from, from + length), to);
    return;
  }
  const target = slab.words;
  const end = (from + length) >> 2;
  for (let i = from >> 2, j = to >> 2; i < end; i++, j++) target[j] = words[i]!;
}

import type { Mux } from './mux.ts';
import { HEADER_BYTES, LENGTH_MASK, RECORD, TYPE_SHIFT } from './record.ts';
import type { SlabPool } from './slab-pool.ts';

/** Cuts a byte stream into whole records, copies them to slabs and hands them to a mux. */
export class StreamReader {
  /** Errno of the close record, or -1 while none came. */
  closedErrno = -1;
  readonly #mux: Mux;
  readonly #pool: SlabPool;
  readonly #recordMaxBytes: number;
  #partial: Buffer | null = null;

  /** `recordMaxBytes`: largest payload of a record the peer may send. */
  constructor(mux: Mux, pool: SlabPool, recordMaxBytes: number) {
    this.#mux = mux;
    this.#pool = pool;
    this.#recordMaxBytes = recordMaxBytes;
  }

  /** Takes the next bytes. False: the peer broke the rules. */
  push(chunk: Buffer): boolean {
    const bytes = this.#partial === null ? chunk : Buffer.concat([this.#partial, chunk]);
    const whole = this.#wholeRecords(bytes);
    if (whole < 0) return false;
    this.#partial = whole === bytes.length ? null : Buffer.from(bytes.subarray(whole));
    if (whole === 0) return true;
    const at = this.#pool.take(whole);
    const slab = this.#pool.slab;
    slab.buffer.set(bytes.subarray(0, whole), at);
    return this.#mux.receive(slab, at, at + whole);
  }

  #wholeRecords(bytes: Buffer): number {
    let at = 0;
    while (this.closedErrno < 0 && bytes.length - at >= HEADER_BYTES) {
      const head = readWord(bytes, at);
      const length = head & LENGTH_MASK;
      if (length > this.#recordMaxBytes) return -1;
      const next = at + HEADER_BYTES + ((length + 7) & ~7);
      if (next > bytes.length) break;
      if (head >>> TYPE_SHIFT === RECORD.close) {
        if (length !== 8) return -1;
        this.closedErrno = readWord(bytes, at + HEADER_BYTES) & 0xffff;
        return at;
      }
      at = next;
    }
    return at;
  }
}

/** Record words are in host order; the platforms of Node are little-endian but for s390x, where `words` are too. */
function readWord(bytes: Buffer, at: number): number {
  return LITTLE_ENDIAN ? bytes.readInt32LE(at) : bytes.readInt32BE(at);
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

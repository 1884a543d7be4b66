import v8 from 'node:v8';

/** So many bytes of fresh slabs within so many ms are a stream. */
const STREAM_BYTES = 16 * 1_048_576;
const STREAM_MS = 1_000;

/**
 * Keeps V8 from a full collection for every 32 MiB that a process receives.
 *
 * After so many bytes of new buffers V8 collects the young generation and frees the buffers on another thread. V8 11
 * (Node 20) looks meanwhile whether the heap, these buffers counted, has outgrown a limit: a small multiple of what the
 * last full collection left, and smaller the more time collections take. In a process of some MB it often has, and then
 * has again each time: a stream whose views of messages are kept runs at a third of its speed. Freed in the collection
 * itself, buffers are never counted when they are gone; and their memory is taken again instead of given back to the
 * kernel. V8 reads the switch anew for each collection. Later ones are left as they are: V8 12 (Node 22) collected as
 * seldom without it, and V8 13 (Node 24) as often with it.
 */
export class SlabSweeping {
  readonly #nowMs: () => number;
  readonly #sweepAtOnce: () => void;
  #bytes = 0;
  #sinceMs = -Infinity;
  #isAtOnce = false;

  constructor(nowMs: () => number, sweepAtOnce: () => void = sweepBuffersAtOnce) {
    this.#nowMs = nowMs;
    this.#sweepAtOnce = sweepAtOnce;
  }

  /** A slab was made: none was there that could be used again. */
  readonly slabMade = (bytes: number): void => {
    if (this.#isAtOnce) return;
    this.#bytes += bytes;
    if (this.#bytes < STREAM_BYTES) return;
    this.#bytes = 0;
    const nowMs = this.#nowMs();
    this.#isAtOnce = nowMs - this.#sinceMs < STREAM_MS;
    this.#sinceMs = nowMs;
    if (this.#isAtOnce) this.#sweepAtOnce();
  };
}

/** For the whole process; nothing in versions of V8 to which it makes no difference. */
export function sweepBuffersAtOnce(v8Version: string = process.versions.v8): void {
  if (v8Version.startsWith('11.')) v8.setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}

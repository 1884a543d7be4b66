import v8 from 'node:v8';

/** A process whose old generation is smaller gets ballast up to here once it receives a stream, bytes. */
const HEAP_BYTES = 24 * 1_048_576;
/** So many bytes of fresh slabs within so many ms are a stream. */
const STREAM_BYTES = 16 * 1_048_576;
const STREAM_MS = 1_000;

/**
 * Keeps V8 from a full collection for every 32 MiB that a process receives.
 *
 * After so many bytes of new buffers V8 (Node 20) collects the young generation, frees the buffers on another thread,
 * and looks meanwhile whether the heap, these buffers counted, has outgrown its limit: a small multiple of what the last
 * full collection left. A heap of less than some 20 MiB often has, so a stream that keeps views of its messages ran at
 * 40 % of its speed in a process as small as an example, and at full speed in a large one. A larger heap costs memory
 * and nothing else: the ballast holds no pointers, so it is never walked.
 */
export class HeapBallast {
  readonly #nowMs: () => number;
  readonly #heapBytes: () => number;
  #bytes = 0;
  #sinceMs = -Infinity;
  #ballast: bigint | null = null;
  #ballastBytes = 0;

  constructor(nowMs: () => number, heapBytes: () => number = oldHeapBytes) {
    this.#nowMs = nowMs;
    this.#heapBytes = heapBytes;
  }

  /** Bytes of ballast. */
  get bytes(): number {
    return this.#ballastBytes;
  }

  /** A slab was made: none was there that could be used again. */
  readonly slabMade = (bytes: number): void => {
    if (this.#ballast !== null) return;
    this.#bytes += bytes;
    if (this.#bytes < STREAM_BYTES) return;
    this.#bytes = 0;
    const nowMs = this.#nowMs();
    if (nowMs - this.#sinceMs < STREAM_MS) this.#lay(HEAP_BYTES - this.#heapBytes());
    this.#sinceMs = nowMs;
  };

  /** The one value of JavaScript that lies in V8's heap, is as large as we like, and consists of no others. */
  #lay(bytes: number): void {
    this.#ballastBytes = Math.max(bytes, 0);
    this.#ballast = 1n << BigInt(8 * this.#ballastBytes);
  }
}

/** Without the young generation: a stream fills that with garbage. */
function oldHeapBytes(): number {
  const old = v8.getHeapSpaceStatistics().filter(({ space_name: name }) => !name.startsWith('new_'));
  return old.reduce((sum, space) => sum + space.space_used_size, 0);
}

/** Neighbours in a batch that may leave as one message: one peer, `segmentBytes` each, the last perhaps less. */
export interface Run<Address> {
  to: Address;
  start: number;
  end: number;
  segmentBytes: number;
  /** It goes datagram by datagram, as the kernel does not take it whole. */
  isSplit: boolean;
}

/** Bytes the kernel takes as one message to be segmented: what one datagram may have. */
const RUN_MAX_BYTES = 65_507;
/** Segments of one message: UDP_MAX_SEGMENTS of Linux since 4.18. */
const RUN_SEGMENTS_MAX = 64;
/** Runs of one batch. */
export const BATCH_RUNS_MAX = 64;

/**
 * Datagrams laid one behind the other until they are sent, and where each begins. Room comes back when all of them
 * have gone: memory is used again from its beginning, which stays in the cache.
 */
export class SendBatch<Address> {
  readonly #bytes: number;
  readonly #runs: Run<Address>[];
  readonly #nobody: Address;
  /** Segments of one message; 1: the kernel cannot segment. */
  segmentsMax = RUN_SEGMENTS_MAX;
  #first = 0;
  #count = 0;
  #tail = 0;
  /** Whether the newest run takes another segment: none of it was shorter. */
  #open = false;

  /** `bytes`: room for all of them. `nobody`: stands for no address. */
  constructor(bytes: number, nobody: Address) {
    this.#bytes = bytes;
    this.#nobody = nobody;
    this.#runs = Array.from({ length: BATCH_RUNS_MAX }, () => ({
      to: nobody,
      start: 0,
      end: 0,
      segmentBytes: 0,
      isSplit: false,
    }));
  }

  get isEmpty(): boolean {
    return this.#first === this.#count;
  }

  /** Runs not sent yet. */
  get runs(): number {
    return this.#count - this.#first;
  }

  /** The run `index` places behind the oldest not sent yet. */
  run(index: number): Run<Address> {
    return this.#runs[this.#first + index]!;
  }

  /** Where the next datagram begins, if it has at most so many bytes; -1 without room. */
  reserve(bytes: number): number {
    if (this.#count === BATCH_RUNS_MAX || this.#tail + bytes > this.#bytes) return -1;
    return this.#tail;
  }

  commit(to: Address, bytes: number): void {
    const newest = this.#count === this.#first ? null : this.#runs[this.#count - 1]!;
    if (newest !== null && this.#open && newest.to === to && this.#fits(newest, bytes)) {
      newest.end += bytes;
      this.#open = bytes === newest.segmentBytes;
    } else {
      const run = this.#runs[this.#count++]!;
      run.to = to;
      run.start = this.#tail;
      run.end = this.#tail + bytes;
      run.segmentBytes = bytes;
      run.isSplit = false;
      this.#open = true;
    }
    this.#tail += bytes;
  }

  /** The oldest runs have gone. */
  sent(runs: number): void {
    this.#first += runs;
    if (this.#first < this.#count) return;
    for (let index = 0; index < this.#count; index++) this.#runs[index]!.to = this.#nobody;
    this.#first = this.#count = this.#tail = 0;
  }

  /** The oldest run's first datagram has gone. */
  sentFirst(): void {
    const run = this.run(0);
    run.start += Math.min(run.segmentBytes, run.end - run.start);
    if (run.start === run.end) this.sent(1);
  }

  #fits(run: Run<Address>, bytes: number): boolean {
    const length = run.end - run.start;
    return (
      bytes <= run.segmentBytes &&
      length + bytes <= RUN_MAX_BYTES &&
      length < run.segmentBytes * this.segmentsMax
    );
  }
}

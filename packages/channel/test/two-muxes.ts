import { Mux } from '../src/core/mux.ts';
import { RING_HEADER_BYTES, RingReader, RingWriter } from '../src/core/ring.ts';
import { SlabPool } from '../src/core/slab-pool.ts';

/** One end of two muxes joined by rings in plain memory, whose turns the test takes by hand. */
export class HandEnd {
  readonly mux: Mux;
  readonly #reader: RingReader;
  readonly #pool = new SlabPool();

  constructor(memory: ArrayBuffer, side: 0 | 1, ringBytes: number) {
    const headerAt = (of: number): number => of * RING_HEADER_BYTES;
    const ringAt = (of: number): number => 2 * RING_HEADER_BYTES + of * ringBytes;
    const nothing = (): void => undefined;
    this.mux = new Mux(new RingWriter(memory, headerAt(side), ringAt(side), ringBytes, nothing), nothing);
    this.#reader = new RingReader(memory, headerAt(1 - side), ringAt(1 - side), ringBytes, nothing);
  }

  /** One turn: false when the other end broke the rules. */
  turn(): boolean {
    this.mux.startTurn();
    if (this.mux.wantsRoom) this.mux.roomMade();
    const readable = this.#reader.readable();
    if (readable === 0) return true;
    const bytes = readable < 0 ? -1 : this.#reader.take(readable, this.#pool);
    return bytes >= 0 && this.mux.receive(this.#pool.slab, this.#reader.at, this.#reader.at + bytes);
  }
}

export function twoMuxes(ringBytes: number): { ends: [HandEnd, HandEnd]; memory: ArrayBuffer } {
  const memory = new ArrayBuffer(2 * RING_HEADER_BYTES + 2 * ringBytes);
  return { ends: [new HandEnd(memory, 0, ringBytes), new HandEnd(memory, 1, ringBytes)], memory };
}

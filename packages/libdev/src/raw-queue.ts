import { messageView } from './message-view.ts';

const FIRST_CAPACITY = 8;

/** Received messages of a raw flow: references into slabs, oldest first. */
export class RawQueue {
  length = 0;
  #head = 0;
  #slabs: (Buffer | undefined)[] = new Array<Buffer | undefined>(FIRST_CAPACITY).fill(undefined);
  /** Start and end of each message, interleaved. */
  #ranges: Int32Array = new Int32Array(FIRST_CAPACITY * 2);
  /** How many of the oldest are in private memory already. */
  #compacted = 0;

  push(slab: Buffer, start: number, end: number): void {
    if (this.length === this.#slabs.length) this.#grow();
    const at = (this.#head + this.length) & (this.#slabs.length - 1);
    this.#slabs[at] = slab;
    this.#ranges[at * 2] = start;
    this.#ranges[at * 2 + 1] = end;
    this.length++;
  }

  /** Bytes of the oldest message; the queue must not be empty. */
  get headBytes(): number {
    return this.#ranges[this.#head * 2 + 1]! - this.#ranges[this.#head * 2]!;
  }

  /** Takes the oldest message out; the queue must not be empty. */
  shift(): Buffer {
    const at = this.#head;
    const slab = this.#slabs[at]!;
    this.#slabs[at] = undefined;
    this.#head = (at + 1) & (this.#slabs.length - 1);
    this.length--;
    if (this.#compacted > 0) this.#compacted--;
    return messageView(slab, this.#ranges[at * 2]!, this.#ranges[at * 2 + 1]!);
  }

  /** Copies what is still in slabs to private memory, so that a slow reader does not keep whole slabs. */
  compact(): void {
    const mask = this.#slabs.length - 1;
    let bytes = 0;
    for (let i = this.#compacted; i < this.length; i++) {
      const at = (this.#head + i) & mask;
      bytes += this.#ranges[at * 2 + 1]! - this.#ranges[at * 2]!;
    }
    if (this.#compacted === this.length) return;
    const block = Buffer.allocUnsafeSlow(bytes);
    let offset = 0;
    for (let i = this.#compacted; i < this.length; i++) {
      const at = (this.#head + i) & mask;
      const start = offset;
      offset += this.#slabs[at]!.copy(block, offset, this.#ranges[at * 2], this.#ranges[at * 2 + 1]);
      this.#slabs[at] = block;
      this.#ranges[at * 2] = start;
      this.#ranges[at * 2 + 1] = offset;
    }
    this.#compacted = this.length;
  }

  #grow(): void {
    const old = this.#slabs.length;
    const slabs = new Array<Buffer | undefined>(old * 2).fill(undefined);
    const ranges = new Int32Array(old * 4);
    for (let i = 0; i < this.length; i++) {
      const at = (this.#head + i) & (old - 1);
      slabs[i] = this.#slabs[at];
      ranges[i * 2] = this.#ranges[at * 2]!;
      ranges[i * 2 + 1] = this.#ranges[at * 2 + 1]!;
    }
    this.#slabs = slabs;
    this.#ranges = ranges;
    this.#head = 0;
  }
}

import type { SlabUse } from '@flowring/channel';
import { messageView } from './message-view.ts';

const FIRST_CAPACITY = 8;
/** Up to here a loop beats the view that `set` needs. */
const LOOP_COPY_MAX_BYTES = 32;
const NO_USE: SlabUse = { isKept: true, messages: 0 };

/** Received messages of a raw flow: references into slabs, oldest first. */
export class RawQueue {
  length = 0;
  #head = 0;
  #slabs: (Buffer | undefined)[] = new Array<Buffer | undefined>(FIRST_CAPACITY).fill(undefined);
  #uses: SlabUse[] = new Array<SlabUse>(FIRST_CAPACITY).fill(NO_USE);
  /** Start and end of each message, interleaved. */
  #ranges: Int32Array = new Int32Array(FIRST_CAPACITY * 2);
  /** How many of the oldest are in private memory already. */
  #compacted = 0;

  push(slab: Buffer, start: number, end: number, use: SlabUse): void {
    if (this.length === this.#slabs.length) this.#grow();
    const at = (this.#head + this.length) & (this.#slabs.length - 1);
    this.#slabs[at] = slab;
    this.#uses[at] = use;
    use.messages++;
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
    this.#uses[at]!.isKept = true;
    const message = messageView(this.#slabs[at]!, this.#ranges[at * 2]!, this.#ranges[at * 2 + 1]!);
    this.#drop(at);
    return message;
  }

  /** Moves the oldest message, which fits, to the start of `target`; returns its bytes. The queue must not be empty. */
  shiftInto(target: Uint8Array): number {
    const at = this.#head;
    const slab = this.#slabs[at]!;
    const start = this.#ranges[at * 2]!;
    const bytes = this.#ranges[at * 2 + 1]! - start;
    if (bytes > LOOP_COPY_MAX_BYTES) target.set(messageView(slab, start, start + bytes), 0);
    else for (let i = 0; i < bytes; i++) target[i] = slab[start + i]!;
    this.#drop(at);
    return bytes;
  }

  #drop(at: number): void {
    this.#uses[at]!.messages--;
    this.#slabs[at] = undefined;
    this.#uses[at] = NO_USE;
    this.#head = (at + 1) & (this.#slabs.length - 1);
    this.length--;
    if (this.#compacted > 0) this.#compacted--;
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
    const use: SlabUse = { isKept: true, messages: 0 };
    let offset = 0;
    for (let i = this.#compacted; i < this.length; i++) {
      const at = (this.#head + i) & mask;
      const start = offset;
      offset += this.#slabs[at]!.copy(block, offset, this.#ranges[at * 2], this.#ranges[at * 2 + 1]);
      this.#uses[at]!.messages--;
      this.#uses[at] = use;
      use.messages++;
      this.#slabs[at] = block;
      this.#ranges[at * 2] = start;
      this.#ranges[at * 2 + 1] = offset;
    }
    this.#compacted = this.length;
  }

  #grow(): void {
    const old = this.#slabs.length;
    const slabs = new Array<Buffer | undefined>(old * 2).fill(undefined);
    const uses = new Array<SlabUse>(old * 2).fill(NO_USE);
    const ranges = new Int32Array(old * 4);
    for (let i = 0; i < this.length; i++) {
      const at = (this.#head + i) & (old - 1);
      slabs[i] = this.#slabs[at];
      uses[i] = this.#uses[at]!;
      ranges[i * 2] = this.#ranges[at * 2]!;
      ranges[i * 2 + 1] = this.#ranges[at * 2 + 1]!;
    }
    this.#slabs = slabs;
    this.#uses = uses;
    this.#ranges = ranges;
    this.#head = 0;
  }
}

import type { SlabUse } from '@flowring/channel';
import { messageView } from './message-view.ts';

const FIRST_CAPACITY = 8;
/** Up to here a loop beats the view that `set` needs. */
const LOOP_COPY_MAX_BYTES = 32;

/** Messages that came one after another in one slab; what is stored for each of them is only where it lies. */
interface Run {
  readonly slab: Buffer;
  readonly use: SlabUse;
  messages: number;
  /** Copied from slabs to memory of the queue's own. */
  readonly isPrivate: boolean;
}

/** Received messages of a raw flow: references into slabs, oldest first. */
export class RawQueue {
  length = 0;
  #head = 0;
  /** Start and end of each message, interleaved. */
  #ranges: Int32Array = new Int32Array(FIRST_CAPACITY * 2);
  #mask = FIRST_CAPACITY - 1;
  #runs: Run[] = [];

  push(slab: Buffer, start: number, end: number, use: SlabUse): void {
    this.pushRun(slab, start, 0, end - start, 1, use);
  }

  /** `count` messages of `bytes` each, one every `strideBytes` from `start` on. */
  pushRun(
    slab: Buffer,
    start: number,
    strideBytes: number,
    bytes: number,
    count: number,
    use: SlabUse,
  ): void {
    while (this.length + count > this.#mask + 1) this.#grow();
    const last = this.#runs[this.#runs.length - 1];
    if (last !== undefined && last.slab === slab) last.messages += count;
    else {
      this.#runs.push({ slab, use, messages: count, isPrivate: false });
      use.claims++;
    }
    const ranges = this.#ranges;
    for (let i = 0, next = this.#head + this.length, from = start; i < count; i++, next++) {
      const at = (next & this.#mask) * 2;
      ranges[at] = from;
      ranges[at + 1] = from + bytes;
      from += strideBytes;
    }
    this.length += count;
  }

  /** Bytes of the oldest message; the queue must not be empty. */
  get headBytes(): number {
    return this.#ranges[this.#head * 2 + 1]! - this.#ranges[this.#head * 2]!;
  }

  /** Takes the oldest message out; the queue must not be empty. */
  shift(): Buffer {
    const at = this.#head;
    const run = this.#runs[0]!;
    run.use.isKept = true;
    const message = messageView(run.slab, this.#ranges[at * 2]!, this.#ranges[at * 2 + 1]!);
    this.#drop(run);
    return message;
  }

  /** Moves the oldest message, which fits, to the start of `target`; returns its bytes. The queue must not be empty. */
  shiftInto(target: Uint8Array): number {
    const at = this.#head;
    const run = this.#runs[0]!;
    const start = this.#ranges[at * 2]!;
    const bytes = this.#ranges[at * 2 + 1]! - start;
    if (bytes > LOOP_COPY_MAX_BYTES) target.set(messageView(run.slab, start, start + bytes), 0);
    else for (let i = 0; i < bytes; i++) target[i] = run.slab[start + i]!;
    this.#drop(run);
    return bytes;
  }

  #drop(run: Run): void {
    this.#head = (this.#head + 1) & this.#mask;
    this.length--;
    if (--run.messages > 0) return;
    run.use.claims--;
    this.#runs.shift();
  }

  /** Copies what is still in slabs to private memory, so that a slow reader does not keep whole slabs. */
  compact(): void {
    const runs = this.#runs.filter(({ isPrivate }) => isPrivate);
    let first = 0;
    for (const { messages } of runs) first += messages;
    if (first === this.length) return;
    let bytes = 0;
    for (let i = first; i < this.length; i++) bytes += this.#bytesOf(i);
    const slab = Buffer.allocUnsafeSlow(bytes);
    let offset = 0;
    let next = first;
    for (const run of this.#runs.slice(runs.length)) {
      for (const end = next + run.messages; next < end; next++)
        offset = this.#move(next, run.slab, slab, offset);
      run.use.claims--;
    }
    const use: SlabUse = { isKept: true, claims: 1 };
    this.#runs = [...runs, { slab, use, messages: this.length - first, isPrivate: true }];
  }

  #bytesOf(index: number): number {
    const at = ((this.#head + index) & this.#mask) * 2;
    return this.#ranges[at + 1]! - this.#ranges[at]!;
  }

  /** Copies a message to `offset`, where it lies from now on. Returns its end. */
  #move(index: number, from: Buffer, to: Buffer, offset: number): number {
    const at = ((this.#head + index) & this.#mask) * 2;
    const end = offset + from.copy(to, offset, this.#ranges[at], this.#ranges[at + 1]);
    this.#ranges[at] = offset;
    this.#ranges[at + 1] = end;
    return end;
  }

  #grow(): void {
    const ranges = new Int32Array(this.#ranges.length * 2);
    const fromHead = this.#ranges.subarray(this.#head * 2);
    ranges.set(fromHead);
    ranges.set(this.#ranges.subarray(0, this.#head * 2), fromHead.length);
    this.#ranges = ranges;
    this.#mask = ranges.length / 2 - 1;
    this.#head = 0;
  }
}

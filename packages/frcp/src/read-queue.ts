import { copyPart } from './copy-bytes.ts';
import type { ViewOf } from './params.ts';

const FIRST_SLOTS = 8;
const NO_BYTES = new Uint8Array(0);
const NO_SPANS = new Int32Array(0);

/** First-size slots that no queue uses now: an idle flow owns none. */
const spareBuffers: Uint8Array[][] = [];
const spareSpans: (typeof NO_SPANS)[] = [];
const SPARES_MAX = 64;

/** Received SDUs in order, each a span of the buffer it came in. Starts empty, grows by doubling. */
export class ReadQueue {
  private buffers: Uint8Array[] | null = null;
  private spans = NO_SPANS;
  private mask = -1;
  private head = 0;
  private tail = 0;
  /** Bytes of all of them. */
  heldBytes = 0;
  /** Some of the oldest was taken, and not all of it. */
  isHeadCut = false;

  get length(): number {
    return (this.tail - this.head) | 0;
  }

  push(buf: Uint8Array, start: number, end: number): void {
    if (((this.tail - this.head) | 0) > this.mask) this.grow();
    const slot = this.tail & this.mask;
    this.buffers![slot] = buf;
    this.spans[slot << 1] = start;
    this.spans[(slot << 1) + 1] = end;
    this.tail = (this.tail + 1) | 0;
    this.heldBytes += end - start;
  }

  /** A view of the oldest SDU, or of what is left of it. */
  shift(viewOf: ViewOf): Uint8Array | null {
    if (this.tail === this.head) return null;
    const slot = this.head & this.mask;
    const buf = this.buffers![slot]!;
    const start = this.spans[slot << 1]!;
    const end = this.spans[(slot << 1) + 1]!;
    this.drop(slot, end - start);
    return viewOf(buf, start, end);
  }

  /** Moves the oldest SDU, or what fits of it, to `out[at, end)`; returns how much. There is one. */
  shiftInto(out: Uint8Array, at: number, end: number): number {
    const slot = this.head & this.mask;
    const start = this.spans[slot << 1]!;
    const held = this.spans[(slot << 1) + 1]! - start;
    const taken = Math.min(held, end - at);
    copyPart(this.buffers![slot]!, start, out, at, taken);
    if (taken === held) this.drop(slot, held);
    else this.cut(slot, taken);
    return taken;
  }

  private drop(slot: number, bytes: number): void {
    this.buffers![slot] = NO_BYTES;
    this.head = (this.head + 1) | 0;
    this.heldBytes -= bytes;
    this.isHeadCut = false;
    if (this.head === this.tail && !this.isLarge) this.release();
  }

  private cut(slot: number, bytes: number): void {
    this.spans[slot << 1]! += bytes;
    this.heldBytes -= bytes;
    this.isHeadCut ||= bytes > 0;
  }

  /** What is left of the oldest SDU, bytes; -1 when there is none. */
  get headBytes(): number {
    if (this.tail === this.head) return -1;
    const at = (this.head & this.mask) << 1;
    return this.spans[at + 1]! - this.spans[at]!;
  }

  /** A view of the first `maxBytes` of the oldest SDU, which must be longer than that; the rest stays. */
  shiftPart(maxBytes: number, viewOf: ViewOf): Uint8Array {
    const slot = this.head & this.mask;
    const start = this.spans[slot << 1]!;
    this.cut(slot, maxBytes);
    return viewOf(this.buffers![slot]!, start, start + maxBytes);
  }

  /** Gives each SDU a buffer of its own, unless it fills half of the one it has. */
  compact(): void {
    for (let i = this.head; i !== this.tail; i = (i + 1) | 0) {
      const slot = i & this.mask;
      const start = this.spans[slot << 1]!;
      const end = this.spans[(slot << 1) + 1]!;
      const buf = this.buffers![slot]!;
      if (buf.buffer.byteLength <= 2 * (end - start)) continue;
      this.buffers![slot] = new Uint8Array(buf.subarray(start, end));
      this.spans[slot << 1] = 0;
      this.spans[(slot << 1) + 1] = end - start;
    }
  }

  /** Whether the slots are more than those every queue starts with: too dear to give up at each pause. */
  get isLarge(): boolean {
    return this.mask >= FIRST_SLOTS;
  }

  /** Gives the slots back; only when empty. */
  release(): void {
    if (this.mask === FIRST_SLOTS - 1 && spareSpans.length < SPARES_MAX) {
      spareBuffers.push(this.buffers!);
      spareSpans.push(this.spans);
    }
    this.buffers = null;
    this.spans = NO_SPANS;
    this.mask = -1;
  }

  private grow(): void {
    const size = Math.max((this.mask + 1) * 2, FIRST_SLOTS);
    const spare = size === FIRST_SLOTS ? spareSpans.pop() : undefined;
    const buffers = spare === undefined ? new Array<Uint8Array>(size).fill(NO_BYTES) : spareBuffers.pop()!;
    const spans = spare ?? new Int32Array(size * 2);
    for (let i = this.head; i !== this.tail; i = (i + 1) | 0) {
      const from = i & this.mask;
      const to = i & (size - 1);
      buffers[to] = this.buffers![from]!;
      spans[to << 1] = this.spans[from << 1]!;
      spans[(to << 1) + 1] = this.spans[(from << 1) + 1]!;
    }
    this.buffers = buffers;
    this.spans = spans;
    this.mask = size - 1;
  }
}

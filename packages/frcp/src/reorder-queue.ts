import { writeI32 } from './pci.ts';

const STRIDE = 3;
const FIRST_SLOTS = 32;
const NO_BYTES = new Uint8Array(0);

/** A PDU taken out of the {@link ReorderQueue}. */
export interface HeldPdu {
  buf: Uint8Array;
  start: number;
  end: number;
  flags: number;
}

/**
 * PDUs that came before an earlier one, by index (see SendWindow for what an index is). Made at the first gap;
 * grows with the largest distance seen, which the window bounds.
 */
export class ReorderQueue {
  count = 0;
  /** Bytes of all of them. */
  heldBytes = 0;
  /** One past the highest index held; meaningful while `count > 0`. */
  high = 0;
  /** The PDU that came last. */
  private recent = 0;
  private buffers: Uint8Array[] = [];
  private spans = new Int32Array(0);
  private present = new Uint8Array(0);
  private mask = -1;

  has(index: number, low: number): boolean {
    return ((index - low) | 0) <= this.mask && this.present[index & this.mask] === 1;
  }

  /** Holds a PDU that is not held yet. `low` is the index that is missing. */
  put(index: number, low: number, buf: Uint8Array, start: number, end: number, flags: number): void {
    if (((index - low) | 0) > this.mask) this.grow(index, low);
    const slot = index & this.mask;
    this.buffers[slot] = buf;
    this.spans[slot * STRIDE] = start;
    this.spans[slot * STRIDE + 1] = end;
    this.spans[slot * STRIDE + 2] = flags;
    this.present[slot] = 1;
    if (this.count === 0 || ((index - this.high) | 0) >= 0) this.high = (index + 1) | 0;
    this.recent = index;
    this.count++;
    this.heldBytes += end - start;
  }

  /** Takes the PDU with this index out into `into`; false if it is not held. */
  take(index: number, into: HeldPdu): boolean {
    const slot = index & this.mask;
    if (this.count === 0 || this.present[slot] !== 1) return false;
    into.buf = this.buffers[slot]!;
    into.start = this.spans[slot * STRIDE]!;
    into.end = this.spans[slot * STRIDE + 1]!;
    into.flags = this.spans[slot * STRIDE + 2]!;
    this.buffers[slot] = NO_BYTES;
    this.present[slot] = 0;
    this.count--;
    this.heldBytes -= into.end - into.start;
    return true;
  }

  /**
   * Writes up to `max` ranges [first, one past last), ascending, as numbers; returns how many. Of more, those up to the
   * one that came last, so that each is told before others follow (RFC 2018 4).
   */
  //= R-FRCP-57
  writeRanges(low: number, base: number, out: Uint8Array, at: number, max: number): number {
    let ranges = 0;
    let i = this.firstToTell(low, max);
    while (ranges < max && (i = this.skip(i, 0)) !== this.high) {
      writeI32(out, at + ranges * 8, (i + base) | 0);
      i = this.skip(i, 1);
      writeI32(out, at + ranges * 8 + 4, (i + base) | 0);
      ranges++;
    }
    return ranges;
  }

  /** The same for people, unsigned. */
  ranges(low: number, base: number, max: number): [number, number][] {
    const ranges: [number, number][] = [];
    let i = low;
    while (this.count > 0 && ranges.length < max && (i = this.skip(i, 0)) !== this.high) {
      const from = (i + base) >>> 0;
      i = this.skip(i, 1);
      ranges.push([from, (i + base) >>> 0]);
    }
    return ranges;
  }

  /** The first index from `i` on that is held or not other than `present` says; `high` if there is none. */
  private skip(i: number, present: number): number {
    let at = i;
    while (((at - this.high) | 0) < 0 && this.present[at & this.mask] === present) at = (at + 1) | 0;
    return at;
  }

  /** Where the `max` ranges up to the one that came last begin. */
  private firstToTell(low: number, max: number): number {
    let i = this.recent;
    for (let ranges = 0; ranges < max && ((i - low) | 0) > 0; ranges++) {
      while (((i - low) | 0) > 0 && this.present[(i - 1) & this.mask] === 1) i = (i - 1) | 0;
      if (ranges + 1 === max) return i;
      while (((i - low) | 0) > 0 && this.present[(i - 1) & this.mask] === 0) i = (i - 1) | 0;
    }
    return low;
  }

  /** Gives each PDU a buffer of its own, unless it fills half of the one it has. */
  compact(): void {
    for (let slot = 0; slot <= this.mask; slot++) {
      if (this.present[slot] === 0) continue;
      const start = this.spans[slot * STRIDE]!;
      const end = this.spans[slot * STRIDE + 1]!;
      const buf = this.buffers[slot]!;
      if (buf.buffer.byteLength <= 2 * (end - start)) continue;
      this.buffers[slot] = new Uint8Array(buf.subarray(start, end));
      this.spans[slot * STRIDE] = 0;
      this.spans[slot * STRIDE + 1] = end - start;
    }
  }

  private grow(index: number, low: number): void {
    let size = Math.max((this.mask + 1) * 2, FIRST_SLOTS);
    while (size <= ((index - low) | 0)) size *= 2;
    const old = { buffers: this.buffers, spans: this.spans, present: this.present, mask: this.mask };
    this.buffers = new Array<Uint8Array>(size).fill(NO_BYTES);
    this.spans = new Int32Array(size * STRIDE);
    this.present = new Uint8Array(size);
    this.mask = size - 1;
    for (let n = 0; n <= old.mask; n++) {
      const i = (low + n) | 0;
      const from = i & old.mask;
      if (old.present[from] === 0) continue;
      const to = i & this.mask;
      this.buffers[to] = old.buffers[from]!;
      this.present[to] = 1;
      this.spans.set(old.spans.subarray(from * STRIDE, (from + 1) * STRIDE), to * STRIDE);
    }
  }
}

import { SACK_RANGES_MAX, SEGMENT_RANGE_BYTES, SEGMENT_UNIT_BYTES, writeI32 } from './pci.ts';
import type { ReorderQueue } from './reorder-queue.ts';
import type { SegmentStore } from './segment-store.ts';

/**
 * Ranges of what is held while PDUs come in segments: bounds are an index and an offset in its PDU. Of more than `max`
 * it keeps those up to the one that came last.
 */
class HeldRanges {
  /** Ranges that have ended. */
  count = 0;
  /** The range that came last has ended, and enough others. */
  isDone = false;
  /** A range has begun. */
  isOpen = false;
  private readonly kept = new Int32Array(4 * SACK_RANGES_MAX);
  private readonly max: number;
  private readonly segments: SegmentStore;

  constructor(max: number, segments: SegmentStore) {
    this.max = max;
    this.segments = segments;
  }

  /** A range begins or ends here. */
  bound(index: number, offset: number): void {
    const at = (this.count % this.max) * 4 + (this.isOpen ? 2 : 0);
    this.kept[at] = index;
    this.kept[at + 1] = offset;
    this.isOpen = !this.isOpen;
    if (this.isOpen) return;
    this.count++;
    const { recent, recentAt } = this.segments;
    const isPast = ((index - recent) | 0) > 0 || (index === recent && offset > recentAt);
    this.isDone = isPast && this.count >= this.max;
  }

  /** A PDU of which a part is held. */
  part(index: number): void {
    const pdu = this.segments.partOf(index)!;
    for (
      let unit = pdu.skip(0, this.isOpen);
      unit < pdu.units && !this.isDone;
      unit = pdu.skip(unit, this.isOpen)
    )
      this.bound(index, unit * SEGMENT_UNIT_BYTES);
  }

  write(base: number, out: Uint8Array, at: number): number {
    const ranges = Math.min(this.count, this.max);
    for (let n = 0; n < ranges; n++) {
      const from = ((this.count - ranges + n) % this.max) * 4;
      for (let half = 0; half < 4; half += 2) {
        const to = at + n * SEGMENT_RANGE_BYTES + half * 4;
        writeI32(out, to, (this.kept[from + half]! + base) | 0);
        writeI32(out, to + 4, this.kept[from + half + 1]!);
      }
    }
    return ranges;
  }
}

/** Writes up to `max` ranges of segments, ascending, at `out[at]`; returns how many. `low` is the index expected next. */
//= R-FRCP-57
//= R-FRCP-76
export function writeSegmentRanges(
  reorder: ReorderQueue | null,
  segments: SegmentStore,
  low: number,
  base: number,
  out: Uint8Array,
  at: number,
  max: number,
): number {
  const ranges = new HeldRanges(max, segments);
  const early = reorder !== null && reorder.count > 0 ? reorder : null;
  const high = segments.high(early === null ? low : early.high);
  let i = low;
  for (; i !== high && !ranges.isDone; i = (i + 1) | 0) {
    if (segments.partOf(i) !== undefined) ranges.part(i);
    else if ((early !== null && early.has(i, low)) !== ranges.isOpen) ranges.bound(i, 0);
  }
  if (ranges.isOpen && i === high) ranges.bound(high, 0);
  return ranges.write(base, out, at);
}

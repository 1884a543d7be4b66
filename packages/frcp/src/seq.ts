/**
 * 32-bit serial arithmetic (RFC 1982). Numbers are held as signed 32-bit integers, which V8 keeps unboxed;
 * the wire carries the same bits unsigned. Two numbers compare while they lie less than 2^31 apart.
 */

/** How far `a` lies ahead of `b`; negative if behind. */
export function seqDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** `a` comes before `b`. */
export function seqBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** The later of the two. */
export function seqMax(a: number, b: number): number {
  return ((a - b) | 0) < 0 ? b : a;
}

/** `low <= n <= high`, where `high` is not before `low`. */
export function seqWithin(n: number, low: number, high: number): boolean {
  return (n - low) >>> 0 <= (high - low) >>> 0;
}

import { inView, outView, readView } from './byte-views.ts';

/** Below this a loop beats the view that `set` needs, and leaves nothing to collect. */
const LOOP_MAX_BYTES = 160;

/** Copies `n` bytes from `from[fromAt]` (whose whole buffer `fromView` shows) to `to[toAt]` of a PDU. */
export function copyBytes(
  from: Uint8Array,
  fromView: DataView,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  n: number,
): void {
  if (n > LOOP_MAX_BYTES) to.set(from.subarray(fromAt, fromAt + n), toAt);
  else copyWords(fromView, fromAt, outView(to), toAt, n);
}

/** Copies `n` bytes from `from[fromAt]`, which came in, to `to[toAt]` of the program. */
export function copyPart(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, n: number): void {
  if (n > LOOP_MAX_BYTES) to.set(from.subarray(fromAt, fromAt + n), toAt);
  else copyWords(inView(from), fromAt, readView(to), toAt, n);
}

function copyWords(from: DataView, fromAt: number, to: DataView, toAt: number, n: number): void {
  let i = 0;
  // Four words a round: half the time of one.
  for (; i + 16 <= n; i += 16) {
    to.setInt32(toAt + i, from.getInt32(fromAt + i, true), true);
    to.setInt32(toAt + i + 4, from.getInt32(fromAt + i + 4, true), true);
    to.setInt32(toAt + i + 8, from.getInt32(fromAt + i + 8, true), true);
    to.setInt32(toAt + i + 12, from.getInt32(fromAt + i + 12, true), true);
  }
  for (; i + 4 <= n; i += 4) to.setInt32(toAt + i, from.getInt32(fromAt + i, true), true);
  for (; i < n; i++) to.setUint8(toAt + i, from.getUint8(fromAt + i));
}

/** Copies all of `from` to `to[toAt]`; returns how much that was. */
export function copyAll(from: Uint8Array, to: Uint8Array, toAt: number): number {
  to.set(from, toAt);
  return from.length;
}

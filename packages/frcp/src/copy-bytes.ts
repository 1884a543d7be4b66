/** Below this a loop beats the view that `set` needs, and leaves nothing to collect. */
const LOOP_MAX_BYTES = 160;

let lastBuffer: ArrayBufferLike | null = null;
let lastView: DataView;

/** A view of the whole buffer; drivers fill the same few buffers, so the last one is remembered. */
function viewOf(buffer: ArrayBufferLike): DataView {
  if (buffer !== lastBuffer) {
    lastView = new DataView(buffer);
    lastBuffer = buffer;
  }
  return lastView;
}

/** Copies `n` bytes from `from[fromAt]` (whose whole buffer `fromView` shows) to `to[toAt]`. */
export function copyBytes(
  from: Uint8Array,
  fromView: DataView,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  n: number,
): void {
  if (n > LOOP_MAX_BYTES) {
    to.set(from.subarray(fromAt, fromAt + n), toAt);
    return;
  }
  const toView = viewOf(to.buffer);
  const base = to.byteOffset + toAt;
  let i = 0;
  for (; i + 4 <= n; i += 4) toView.setInt32(base + i, fromView.getInt32(fromAt + i, true), true);
  for (; i < n; i++) to[toAt + i] = from[fromAt + i]!;
}

/** Copies all of `from` to `to[toAt]`; returns how much that was. */
export function copyAll(from: Uint8Array, to: Uint8Array, toAt: number): number {
  to.set(from, toAt);
  return from.length;
}

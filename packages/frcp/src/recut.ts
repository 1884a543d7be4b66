import { FLAG } from './pci.ts';
import type { SendWindow } from './send-window.ts';

/** Cuts what was never sent anew, for another largest PDU. False if something sent was not kept. */
export function recut(window: SendWindow, payloadMax: number, stream: boolean): boolean {
  if (!window.retains && window.nxtPos !== window.unaPos) return false;
  const lengths: number[] = [];
  const flags: number[] = [];
  for (let i = window.nxt; i !== window.tail; i = (i + 1) | 0) {
    lengths.push(window.lengthOf(i));
    flags.push(window.flagsOf(i));
  }
  const bytes = (window.tailPos - window.nxtPos) | 0;
  window.dropUnsent();
  if (stream) recutBytes(window, bytes, flags, payloadMax);
  else recutSdus(window, lengths, flags, payloadMax);
  return true;
}

function recutBytes(window: SendWindow, bytes: number, flags: readonly number[], payloadMax: number): void {
  const hasEnd = flags.length > 0 && (flags[flags.length - 1]! & FLAG.END) !== 0;
  window.unackedSdus -= flags.length - (hasEnd ? 1 : 0);
  window.appendWhole(bytes, payloadMax);
  if (hasEnd) window.appendEnd();
}

function recutSdus(
  window: SendWindow,
  lengths: readonly number[],
  flags: readonly number[],
  payloadMax: number,
): void {
  let open = 0;
  let openFlags = 0;
  for (let n = 0; n < lengths.length; n++) {
    open += lengths[n]!;
    openFlags |= flags[n]!;
    if ((openFlags & (FLAG.LAST | FLAG.END)) === 0) continue;
    window.appendCut(open, openFlags, payloadMax);
    open = openFlags = 0;
  }
}

/** The longest PDU that is not acknowledged and lies before index `end`, bytes. */
export function longestBefore(window: SendWindow, end: number): number {
  let longest = 0;
  for (let i = window.una; i !== end; i = (i + 1) | 0) longest = Math.max(longest, window.lengthOf(i));
  return longest;
}

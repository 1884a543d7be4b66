import type { FrcpTimes } from './params.ts';
import { FLAG, SEGMENT_BYTES, SEGMENT_UNIT_BYTES } from './pci.ts';
import { SegmentTable } from './segment-table.ts';
import { MARK, type SendWindow, type SentPiece } from './send-window.ts';

/**
 * Cuts what was never sent anew, and what was sent, is kept and does not fit into segments, which count as lost. True
 * if there are such.
 */
export function recut(window: SendWindow, times: FrcpTimes, stream: boolean): boolean {
  const lengths: number[] = [];
  const flags: number[] = [];
  for (let i = window.nxt; i !== window.tail; i = (i + 1) | 0) {
    lengths.push(window.lengthOf(i));
    flags.push(window.flagsOf(i));
  }
  const bytes = (window.tailPos - window.nxtPos) | 0;
  window.dropUnsent();
  const isCut = window.retains && recutSent(window, times);
  if (stream) recutBytes(window, bytes, flags, times.payloadMaxBytes);
  else recutSdus(window, lengths, flags, times.payloadMaxBytes);
  return isCut;
}

/** Each piece that is too large becomes segments. What there is of marks and times holds for each of them. */
//= R-FRCP-73
function recutSent(window: SendWindow, times: FrcpTimes): boolean {
  const segmentMax = (times.payloadMaxBytes - SEGMENT_BYTES) & -SEGMENT_UNIT_BYTES;
  const pdus = sentPdus(window);
  const fits = (pdu: readonly SentPiece[]): boolean =>
    pdu.length === 1
      ? pdu[0]!.length <= times.payloadMaxBytes
      : pdu.every(({ length }) => length <= segmentMax);
  if (pdus.every(fits)) return false;
  const first = window.numberOf(window.una);
  const edge = window.numberOf(window.edge);
  const starts = new Int32Array(pdus.length + 1);
  window.dropCuts();
  pdus.forEach((pdu, n) => {
    starts[n] = window.nxt;
    if (fits(pdu)) for (const piece of pdu) window.appendSent(piece.length, piece);
    else for (const piece of pdu) appendSegments(window, piece, segmentMax);
  });
  starts[pdus.length] = window.nxt;
  window.segments = new SegmentTable(first, starts);
  window.base = (first + pdus.length - window.nxt) | 0;
  window.edge = window.indexOf(edge);
  return true;
}

/** What is sent and not acknowledged, by PDU. */
function sentPdus(window: SendWindow): SentPiece[][] {
  const pdus: SentPiece[][] = [];
  let number = 0;
  for (let i = window.una; i !== window.nxt; i = (i + 1) | 0) {
    const piece = window.sentAt(i);
    if (pdus.length > 0 && window.numberOf(i) === number) pdus[pdus.length - 1]!.push(piece);
    else pdus.push([piece]);
    number = window.numberOf(i);
  }
  return pdus;
}

function appendSegments(window: SendWindow, piece: SentPiece, segmentMax: number): void {
  const isLost = piece.length > segmentMax && (piece.info & MARK.SACKED) === 0;
  const info = piece.info | MARK.SEGMENT | (isLost ? MARK.LOST : 0);
  let left = piece.length;
  for (; left > segmentMax; left -= segmentMax)
    window.appendSent(segmentMax, { ...piece, info: info & ~FLAG.LAST });
  window.appendSent(left, { ...piece, info });
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

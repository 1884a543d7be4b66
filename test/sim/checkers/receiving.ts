import { FLAG, SEGMENT_UNIT_BYTES, type Pci } from '../../../packages/frcp/src/pci.ts';
import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';
import { runExpiry } from './sending.ts';

/** A run flag so little behind the next number is a late copy (R-FRCP-31). */
const LATE_COPY_SPAN = 1 << 20;

/** What the oracle expects of the data PDU that is about to be taken in. */
export const EXPECT = { NOTHING: 0, ACCEPTED: 1, COPY: 2, REFUSED: 3, SEGMENT: 4 } as const;
export type Expectation = (typeof EXPECT)[keyof typeof EXPECT];

/** Runs the oracle's receiver: what must become of this PDU. */
export function onDataTaken(way: Direction, pci: Pci): Expectation {
  const at = way.to.now();
  if (!way.runLives(at) && !opensRun(way, pci)) return EXPECT.REFUSED;
  const index = way.next + ((pci.seq - way.rxBase - way.next) | 0);
  if (way.ended) return index < way.next ? EXPECT.COPY : EXPECT.REFUSED;
  if (index >= way.nxt) return EXPECT.REFUSED;
  if (!way.reliable) return takeUnreliable(way, index, pci);
  if (index < way.next) return owe(way, EXPECT.COPY);
  if (way.received[index] === true) return owe(way, EXPECT.COPY);
  if (pci.pduBytes !== 0 && !completes(way, index, pci)) return EXPECT.SEGMENT;
  way.received[index] = true;
  while (way.received[way.next] === true) way.next += 1;
  way.ended = way.endIndex >= 0 && way.next > way.endIndex;
  way.expiresAt = runExpiry(way);
  return owe(way, EXPECT.ACCEPTED);
}

/** Notes a segment of a PDU; true when nothing of the PDU is missing any more. */
function completes(way: Direction, index: number, pci: Pci): boolean {
  const units = Math.ceil(pci.pduBytes / SEGMENT_UNIT_BYTES);
  let missing = way.missing.get(index);
  if (missing === undefined)
    way.missing.set(index, (missing = new Set(Array.from({ length: units }, (_, unit) => unit))));
  const before = missing.size;
  const first = pci.segmentAt / SEGMENT_UNIT_BYTES;
  const last = first + Math.ceil((pci.dataEnd - pci.dataStart) / SEGMENT_UNIT_BYTES);
  for (let unit = first; unit < last; unit += 1) missing.delete(unit);
  way.unitsTaken += before - missing.size;
  if (missing.size < before) way.expiresAt = runExpiry(way);
  owe(way, EXPECT.COPY);
  return missing.size === 0;
}

function takeUnreliable(way: Direction, index: number, pci: Pci): Expectation {
  if ((pci.flags & FLAG.END) !== 0) owe(way, EXPECT.ACCEPTED);
  if (index < way.next) return EXPECT.COPY;
  way.next = index + 1;
  way.ended = (pci.flags & FLAG.END) !== 0;
  way.expiresAt = runExpiry(way);
  return EXPECT.ACCEPTED;
}

/** I11: what was taken in, a copy too, is acknowledged within A. */
function owe(way: Direction, expectation: Expectation): Expectation {
  const { to } = way;
  if (expectation === EXPECT.ACCEPTED) way.hasNews = true;
  if (!to.params.lowerReliable) way.ackDueAt = Math.min(way.ackDueAt, to.now() + to.params.aUs + to.lagUs);
  return expectation;
}

/** I5: a run is opened by the first number of the peer's run of now, never by an old PDU. */
function opensRun(way: Direction, pci: Pci): boolean {
  if ((pci.flags & FLAG.DRF) === 0 || way.ended) return false;
  const ahead = (pci.seq - way.rxBase - way.next) | 0;
  if (way.hasRun && ahead < 0 && ahead >= -LATE_COPY_SPAN) return false;
  const index = way.next + ((pci.seq - way.base - way.next) | 0);
  if (way.reliable && index !== way.next && way.to.faults.mplHolds)
    violated('I5', `${way.to.name} opens a run with PDU ${index}, next is ${way.next}`);
  // What the last run held beyond a gap went with it.
  way.received.length = Math.min(way.received.length, way.next);
  way.missing.clear();
  way.hasRun = true;
  way.rxBase = way.reliable ? (pci.seq - way.next) | 0 : way.base;
  return true;
}

/** I17: only data with DRF opens a run. */
export function checkRunsOpened(way: Direction, before: number, after: number, pci: Pci | null): void {
  if (after === before) return;
  const flags = pci === null ? 0 : pci.flags;
  if ((flags & (FLAG.DATA | FLAG.DRF)) !== (FLAG.DATA | FLAG.DRF))
    violated('I17', `${way.to.name} opens a run for a PDU with flags ${flags}`);
}

/** I15: the run lives Rt from the last PDU accepted in it, whatever else has come. */
export function checkRunExpiry(way: Direction): void {
  if (!way.hasRun || way.to.params.lowerReliable || way.ended) return;
  const said = runExpiresAt(way.to.conn.inspect());
  if (said !== null && said !== way.expiresAt)
    violated('I15', `${way.to.name} keeps the run until ${said}, not until ${way.expiresAt}`);
}

interface RunInspection {
  readonly receive?: { readonly runExpiresAt?: number } | null;
  readonly dormant?: { readonly rx?: { readonly expiresAt: number } | null };
}

function runExpiresAt(state: RunInspection): number | null {
  return state.receive?.runExpiresAt ?? state.dormant?.rx?.expiresAt ?? null;
}

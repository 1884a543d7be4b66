import { FLAG, type Pci } from '../../../packages/frcp/src/pci.ts';
import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';
import { receiverTimerUs, senderTimerMinUs } from './times.ts';

const KEPT_FLAGS = FLAG.DRF | FLAG.FIRST | FLAG.LAST | FLAG.END;
const DIGEST_SAMPLES = 24;
/** A new run's numbers begin at least this far from those of the last (R-FRCP-22). */
const RUN_DISTANCE = 1 << 24;

/** A digest of a PDU's user data; large ones are sampled. */
function digestOf(buf: Uint8Array, start: number, end: number): number {
  let digest = (end - start) | 0;
  const step = Math.max(1, Math.floor((end - start) / DIGEST_SAMPLES));
  for (let i = start; i < end; i += step) digest = Math.imul(digest ^ buf[i]!, 0x01000193);
  return digest;
}

/** A data PDU leaves: a new number, or a copy of one. */
export function onDataSent(way: Direction, buf: Uint8Array, pci: Pci, nowUs: number): void {
  const at = way.from.now();
  const ahead = way.nxt === 0 ? 0 : (pci.seq - way.base - way.nxt) | 0;
  const isCopy = ahead < 0 && way.nxt + ahead >= way.runStart;
  if (isCopy) onCopy(way, way.nxt + ahead, buf, pci, at, nowUs);
  else onNewNumber(way, ahead, buf, pci, at, nowUs);
}

/** I13: a number belongs to its bytes. I18's other half: no copy after R, for its answer could not be waited for. */
function onCopy(way: Direction, index: number, buf: Uint8Array, pci: Pci, at: number, nowUs: number): void {
  const { from } = way;
  const bytes = way.endPos[index]! - way.posOf(index);
  if (pci.pduBytes !== 0 && pci.pduBytes !== bytes)
    violated('I13', `${from.name} sends a segment of ${pci.pduBytes} bytes, the PDU has ${bytes}`);
  if (pci.pduBytes === 0 && way.digest[index] !== digestOf(buf, pci.dataStart, pci.dataEnd))
    violated('I13', `${from.name} sends other bytes with number ${pci.seq >>> 0}`);
  if (way.flags[index] !== (pci.flags & KEPT_FLAGS))
    violated('I13', `${from.name} changes flags of number ${pci.seq >>> 0} to ${pci.flags & KEPT_FLAGS}`);
  if (at - way.firstSentAt[index]! > from.params.rUs)
    violated('I13', `${from.name} sends number ${pci.seq >>> 0} again after R`);
  if (from.faults.isEven && !from.closeCalled && !from.peer.closeCalled)
    violated('I12', `${from.name} sends number ${pci.seq >>> 0} again, and nothing was lost or late`);
  way.copies[index]! += 1;
  way.lastSentUs[index] = nowUs;
}

function onNewNumber(
  way: Direction,
  ahead: number,
  buf: Uint8Array,
  pci: Pci,
  at: number,
  nowUs: number,
): void {
  const { from } = way;
  const isFirst = way.nxt === 0;
  if (isFirst || ahead !== 0) startRun(way, pci, at, isFirst);
  const allAcked = way.una === way.nxt;
  if (((pci.flags & FLAG.DRF) !== 0) !== allAcked)
    violated(
      'I14',
      `${from.name} sends number ${pci.seq >>> 0} with DRF ${!allAcked}, acknowledged: ${allAcked}`,
    );
  if (pci.pduBytes !== 0) violated('I13', `${from.name} sends a segment of a PDU that it has not sent`);
  const index = way.nxt;
  const bytes = pci.dataEnd - pci.dataStart;
  way.digest.push(digestOf(buf, pci.dataStart, pci.dataEnd));
  way.flags.push(pci.flags & KEPT_FLAGS);
  way.firstSentAt.push(at);
  way.lastSentUs.push(nowUs);
  way.copies.push(0);
  way.endPos.push(way.posOf(index) + bytes);
  way.sdusThrough.push(way.sdusBefore(index) + ((pci.flags & FLAG.LAST) !== 0 ? 1 : 0));
  way.nxt = index + 1;
  way.lastNewAt = at;
  const isEnd = (pci.flags & FLAG.END) !== 0;
  if (isEnd) way.endIndex = index;
  if (way.reliable) checkGrant(way, index, isEnd);
  else if (!isEnd) way.una = way.nxt;
}

/** I20: never beyond what the peer has granted. The end marker needs no room. */
function checkGrant(way: Direction, index: number, isEnd: boolean): void {
  if (index > way.edge || (index === way.edge && !isEnd))
    violated('I20', `${way.from.name} sends PDU ${index}, granted are ${way.edge}`);
  if (way.endPos[index]! > way.limitPos)
    violated('I20', `${way.from.name} sends byte ${way.endPos[index]!}, granted are ${way.limitPos}`);
}

/** I14: only when all is acknowledged and St has passed. I16: the peer has forgotten the run before by then. */
function startRun(way: Direction, pci: Pci, at: number, isFirst: boolean): void {
  const { from, to } = way;
  if ((pci.flags & FLAG.DRF) === 0) violated('I14', `${from.name} starts a run without DRF`);
  if (!isFirst) {
    if (way.una !== way.nxt)
      violated('I14', `${from.name} starts a run with ${way.nxt - way.una} PDUs unacknowledged`);
    if (at - way.lastNewAt < senderTimerMinUs(from.params, from.mplUs) || from.params.lowerReliable)
      violated('I14', `${from.name} starts a run ${at - way.lastNewAt} us after its last new number`);
    if (Math.abs((pci.seq - way.base - way.nxt) | 0) < RUN_DISTANCE)
      violated('I13', `${from.name} starts a run among the numbers of the last`);
    if (!(from.process.clockStoodStill || to.process.clockStoodStill) && to.isAlive && way.runLives(to.now()))
      violated(
        'I16',
        `${from.name} starts a run while ${to.name} keeps the last one for ${way.expiresAt - to.now()} us`,
      );
  }
  way.base = (pci.seq - way.nxt) | 0;
  way.runStart = way.nxt;
  way.runs += 1;
}

/** The receiver's clock when it forgets a run that it accepted something of now. */
export function runExpiry(way: Direction): number {
  return way.to.now() + receiverTimerUs(way.to.params, way.to.mplUs);
}

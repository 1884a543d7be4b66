import type { FrcpEvent } from '@flowring/frcp';
import type { FrcpEnd } from '../frcp-end.ts';
import { violated } from '../violation.ts';
import type { Direction } from './direction.ts';
import { giveUpUs } from './times.ts';

/** I24: `closed` is told only when every message is acknowledged, and once the end marker has left. */
export function onClosed(out: Direction, unackedSdus: number): void {
  const { from } = out;
  if (!from.closeCalled) violated('I24', `${from.name} is closed, and nobody asked`);
  if (unackedSdus !== 0 || out.unackedSdus !== 0)
    violated('I24', `${from.name} is closed with ${out.unackedSdus} messages unacknowledged`);
  if (out.endIndex < 0) violated('I24', `${from.name} is closed and has not sent its end`);
}

/** I25, I26: the end comes behind everything, and is clean only if nothing is missing. */
export function onEnd(into: Direction, clean: boolean): void {
  const { from, to } = into;
  if (!from.closeCalled) violated('I26', `${to.name} sees an end that ${from.name} did not send`);
  into.acceptedAtEnd = into.accepted;
  if (!into.reliable) return;
  if (!clean) violated('I26', `${to.name} sees a cut end of a reliable flow`);
  if (!to.closeCalled && into.accepted !== into.written.length)
    violated('I26', `${to.name} sees the end after ${into.accepted} of ${into.written.length} messages`);
}

/** I18: no failure before G; I24: with the true count of what is not acknowledged. */
export function onDown(out: Direction, event: Extract<FrcpEvent, { type: 'down' }>): void {
  const { from } = out;
  const { reason, unackedSdus } = event;
  if (unackedSdus !== out.unackedSdus)
    violated(
      'I24',
      `${from.name} is down with ${unackedSdus} unacknowledged, the wire says ${out.unackedSdus}`,
    );
  if (reason === 'protocol-violation' && from.faults.mplHolds)
    violated('I4', `${from.name} finds that its peer broke the protocol`);
  if (reason === 'reset' && !from.peer.hasReset && from.faults.mplHolds)
    violated('I18', `${from.name} believes a reset that nobody sent`);
  if (reason === 'gave-up') checkGaveUp(out, from);
}

function checkGaveUp(out: Direction, from: FrcpEnd): void {
  if (from.movedToSmaller) return;
  if (out.una === out.nxt) violated('I18', `${from.name} gives up with nothing unanswered`);
  const age = from.now() - out.firstSentAt[out.una]!;
  const early = giveUpUs(from.params, from.mplUs) - age;
  if (early > 0) violated('I18', `${from.name} gives up ${early} us before G`);
  if (from.faults.mustSurvive && !from.peer.aborted)
    violated(from.peer.everPaused ? 'I22' : 'I23', `${from.name} gives up on a path that is good enough`);
}

/**
 * I25: who closed and has drained was seen to end. I24: and its remnant has answered the last copy of a peer that was
 * closing, too (`wasClosing`).
 */
export function checkNotLeftAlone(drained: FrcpEnd, wasClosing: boolean): void {
  const { peer } = drained;
  if (!drained.faults.mustSurvive || !drained.isClosed) return;
  if (!peer.isEnded && !peer.closeCalled)
    violated('I25', `${peer.name} never saw the end of ${drained.name}`);
  const stoodStill = peer.process.stalls + peer.process.suspensions > 0;
  if (wasClosing && !peer.isClosed && !peer.isDown && !stoodStill)
    violated('I24', `${peer.name} was still closing when ${drained.name} drained`);
}

/** I28: who has drained has no timer, sends nothing and keeps nothing. */
export function checkDrained(end: FrcpEnd, out: Uint8Array): void {
  const { conn } = end;
  if (conn.nextTimeout() !== null) violated('I28', `${end.name} is drained and has a timer`);
  if (conn.pollTransmit(end.now(), out, 0) !== 0) violated('I28', `${end.name} is drained and sends`);
}

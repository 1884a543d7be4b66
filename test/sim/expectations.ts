import type { Expectations } from './frcp-end.ts';
import { CALM, type KnobName, type Knobs } from './knobs.ts';

const SECOND = 1_000_000;
/** A failure less likely than this per PDU does not happen. */
const NEVER_LOG10 = -9;
/** What makes copies needful, or a peer that answers late. */
export const UNEVEN: readonly KnobName[] = [
  ...(['lossPct', 'dupPct', 'jitterUs', 'tailUs', 'stragglePct', 'corruptPct', 'bandwidthKbps'] as const),
  ...([
    'blackouts',
    'timerLagUs',
    'turnUs',
    'stalls',
    'suspends',
    'crash',
    'forges',
    'replays',
    'reflects',
  ] as const),
  ...(['mplFactor', 'lowerReliable', 'unreliable', 'moves'] as const),
];

/**
 * What these knobs leave of FRCP's promises. A flow must survive when after every interruption enough of R is left
 * for so many copies that one of them and its acknowledgement come through.
 */
export function expectationsOf(knobs: Knobs): Expectations {
  const mplHolds = knobs.mplFactor <= 1;
  return { mplHolds, mustSurvive: mplHolds && knobs.crash === 0 && survives(knobs), isEven: isEven(knobs) };
}

/** Every knob of the path and the hosts is calm, and a round trip with its delayed acknowledgement is over in time. */
function isEven(knobs: Knobs): boolean {
  const isCalm = UNEVEN.every((name) => knobs[name] === CALM[name]);
  return isCalm && knobs.ratePpmA === knobs.ratePpmB && 2 * knobs.delayUs < knobs.rtoInitialUs;
}

function survives(knobs: Knobs): boolean {
  if (knobs.lowerReliable === 1) return true;
  const interruptedUs =
    knobs.blackouts * knobs.blackoutMaxUs +
    knobs.stalls * knobs.stallMaxUs +
    knobs.suspends * knobs.suspendMaxUs;
  const leftUs = knobs.rUs - interruptedUs - 3 * knobs.mplUs;
  if (leftUs <= 0 || (knobs.suspends > 0 && knobs.suspendStopsClock === 1)) return false;
  const rttUs = 2 * (knobs.delayUs + knobs.jitterUs + 2 * knobs.tailUs) + queueUs(knobs);
  const pauseUs = Math.max(SECOND, Math.min(knobs.rUs / 4, 2 * rttUs + knobs.aUs));
  if (floodedUs(knobs, rttUs) > leftUs) return false;
  const attempts = leftUs / pauseUs / knobs.lossBurst;
  const lossRate = (knobs.lossPct + knobs.corruptPct) / 100;
  const oneWay = knobs.lossOneWay !== 0 && knobs.corruptPct === 0;
  const failed = oneWay ? lossRate : 1 - (1 - Math.min(0.9, lossRate)) ** 2;
  return attempts >= 4 && (failed === 0 || attempts * Math.log10(failed) < NEVER_LOG10);
}

/** Without congestion control all that is lost leaves at once, and a round trip brings no more than a queue through. */
function floodedUs(knobs: Knobs, rttUs: number): number {
  if (knobs.bandwidthKbps === 0 || knobs.cubic === 1) return 0;
  const messages = Math.max(knobs.messagesA, knobs.messagesB) * knobs.sizeMaxBytes;
  const pdus = Math.min(
    knobs.windowPdus,
    Math.min(messages, knobs.windowBytes) / Math.max(8, knobs.mtuBytes - 44),
  );
  return (pdus / Math.max(1, knobs.queuePdus)) * rttUs;
}

/** A packet's wait in a full queue, both ways. */
function queueUs(knobs: Knobs): number {
  if (knobs.bandwidthKbps === 0) return 0;
  return (2 * knobs.queuePdus * knobs.mtuBytes * 8_000) / knobs.bandwidthKbps;
}

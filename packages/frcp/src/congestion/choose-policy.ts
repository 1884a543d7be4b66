import type { FrcpParams } from '../params.ts';
import type { RttEstimator } from '../rtt-estimator.ts';
import { CongestionControl } from './congestion-control.ts';
import { Cubic } from './cubic.ts';

/** The congestion control that the parameters name; `null` for none. */
export function congestionControlOf(
  params: FrcpParams,
  rtt: RttEstimator,
  pduMaxBytes: number,
): CongestionControl | null {
  if (params.congestion === 'none' || !params.reliable || params.lowerReliable) return null;
  return new CongestionControl(new Cubic(pduMaxBytes, params.pacing), rtt, pduMaxBytes, params.pacing);
}

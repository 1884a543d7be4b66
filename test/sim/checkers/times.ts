import type { FrcpParams } from '@flowring/frcp';

/** Times of docs/spec/frcp.md section 3, computed here once more: the oracle trusts no code under test. */

/** MPL + R + A. */
export function deltaTUs(params: FrcpParams, mplUs: number): number {
  return mplUs + params.rUs + params.aUs;
}

/** G = R + 2 MPL + A: no failure is told earlier after a first transmission. */
export function giveUpUs(params: FrcpParams, mplUs: number): number {
  return params.rUs + 2 * mplUs + params.aUs;
}

/** Rt = 2 dt. */
export function receiverTimerUs(params: FrcpParams, mplUs: number): number {
  return 2 * deltaTUs(params, mplUs);
}

/** The least that St may be: 3 dt. */
export function senderTimerMinUs(params: FrcpParams, mplUs: number): number {
  return 3 * deltaTUs(params, mplUs);
}

/** RTO_MAX = R / 4. */
export function rtoMaxUs(params: FrcpParams): number {
  return Math.max(1, Math.floor(params.rUs / 4));
}

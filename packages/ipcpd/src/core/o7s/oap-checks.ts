import type { ErrorCode } from '@flowring/common';
import type { OapHeader } from './oap-header.ts';

/** A request stamped further ahead of our clock is refused, ms (O7s TIMESYNC_SLACK). */
export const STAMP_AHEAD_MAX_MS = 100;
/** An older request is refused, ms (O7s OAP_REPLAY_TIMER). */
export const STAMP_AGE_MAX_MS = 20_000;
/**
 * How far back our requests are stamped, ms: the middle of what a C server takes, so that clocks may differ by ten
 * seconds either way instead of a tenth of one.
 */
export const STAMP_BACK_MS = 9_950;

const NS_PER_MS = 1_000_000n;
const NS_PER_US = 1_000n;

/** The stamp of a header made now; `utcUs`: microseconds since 1970 UTC, a fraction is cut. */
export function stampOf(utcUs: number): bigint {
  return BigInt(Math.trunc(utcUs)) * NS_PER_US;
}

/** Whether the server's clock takes the stamp of a request, in whole milliseconds cut towards zero as in C. */
//= R-OUDP-11
export function isFresh(stampNs: bigint, utcUs: number): boolean {
  const ageMs = BigInt.asIntN(64, stampOf(utcUs) - stampNs) / NS_PER_MS;
  return ageMs >= -STAMP_AHEAD_MAX_MS && ageMs <= STAMP_AGE_MAX_MS;
}

/** Why a server without keys cannot serve a request; `null`: it can. A certificate in it is not looked at. */
//= R-OUDP-13
export function requestRefusal(oap: OapHeader, utcUs: number): ErrorCode | null {
  if (!isFresh(oap.stampNs, utcUs)) return 'FLOWRING_AUTH';
  return oap.keyExchange.bytes.length > 0 ? 'FLOWRING_CRYPT' : null;
}

/** `stray`: not an answer to this request, drop it; a code: the allocation failed; `null`: all is well. */
//= R-OUDP-12
//= R-OUDP-13
export function replyFault(
  oap: OapHeader,
  id: Uint8Array,
  hashOfRequest: Uint8Array,
): 'stray' | ErrorCode | null {
  if (!sameBytes(oap.id, id)) return 'stray';
  if (!sameBytes(oap.requestHash, hashOfRequest)) return 'FLOWRING_AUTH';
  return oap.cipherNid !== 0 || oap.keyExchange.bytes.length > 0 ? 'FLOWRING_CRYPT' : null;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

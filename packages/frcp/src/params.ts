import { crc32, type Crc32 } from './crc32.ts';
import {
  CREDIT_MAX_BYTES,
  PCI_BYTES,
  SEGMENT_BYTES,
  SEGMENT_UNIT_BYTES,
  TIMES_BYTES,
  TRAILER_BYTES,
} from './pci.ts';
import type { DurationUs } from './time.ts';
import type { Wire } from './wire.ts';

/** What both ends of a flow agree on at allocation, and what this end chose for itself. */
export interface FrcpParams {
  /** Longest life of a PDU in the lower flow, queues included. Default 1 s. */
  readonly mplUs: DurationUs;
  /** Longest time from receipt to acknowledgement. Default 50 ms. */
  readonly aUs: DurationUs;
  /** Longest time from the first transmission of a number to the last. Default 30 s. */
  readonly rUs: DurationUs;
  /** Largest PDU with its header and checksum, 36 to 4,194,304 bytes. Default 1,400. */
  readonly mtuBytes: number;
  /** Largest SDU, bytes. Default 1,048,576. Equal at both ends. */
  readonly sduMaxBytes: number;
  /** Most SDUs received and not read, and PDUs written and not acknowledged. Default 4,096. Equal at both ends. */
  readonly windowPdus: number;
  /** Receive window: bytes accepted and not yet read; also the send buffer. Default 262,144. Equal at both ends. */
  readonly windowBytes: number;
  /**
   * So much of it is granted at first, and with every byte read one more; where there is congestion control, so much
   * may be written at first. At least 4,096. Default: all of it. Equal at both ends.
   */
  readonly windowFirstBytes: number;
  /** False: in order, late PDUs dropped, nothing sent twice but the end marker. Default true. */
  readonly reliable: boolean;
  /** Bytes without boundaries instead of SDUs; needs `reliable`. Default false. Equal at both ends. */
  readonly stream: boolean;
  /** The lower flow neither loses nor reorders while it lives. Default false. */
  readonly lowerReliable: boolean;
  /** `moveLower` may be called while data is under way: on a reliable lower flow costs a copy of it. Default false. */
  readonly movable: boolean;
  /** How the sender finds what the path carries; `none`: the peer's window alone bounds it. Default `none`. */
  readonly congestion: 'none' | 'cubic';
  /** With congestion control, PDUs leave spread over the round trip. Default true. */
  readonly pacing: boolean;
  /**
   * PDUs carry times, 8 bytes each: round trips stay certain when PDUs are sent again, and what was sent again for
   * nothing is noticed. Only where PDUs are sent again by time. Default true.
   */
  readonly timestamps: boolean;
  /** A CRC-32 behind every PDU. Default false. */
  readonly integrity: boolean;
  /** The format of another implementation, e.g. `O7S_WIRE`, with its own defaults. Default `null`: ours. */
  readonly wire: Wire | null;
  /** Retransmission timeout before the first round-trip sample. Default 200 ms. */
  readonly rtoInitialUs: DurationUs;
  /** Smallest retransmission timeout. Default 10 ms: a Node timer is late by 1 to 5 ms. */
  readonly rtoMinUs: DurationUs;
  /** CRC-32 (IEEE) of a range. Default: ours in TypeScript; a platform's own is many times faster. */
  readonly crc32: Crc32;
  /**
   * Makes what `read` returns: a view of bytes `start` to `end` of what was handed in, or of a buffer of the
   * machine's. Default: `subarray`, or the buffer itself when that is all of it.
   */
  readonly viewOf: ViewOf;
  /** Source of the first number of every run. Must be given. */
  readonly randomU32: () => number;
}

export type ViewOf = (buf: Uint8Array, start: number, end: number) => Uint8Array;

/** What a move to another lower flow changes; bounds as in {@link FrcpParams}. */
export interface LowerFlow {
  readonly mtuBytes: number;
  readonly mplUs: DurationUs;
}

/** Times and sizes that follow from the parameters (docs/spec/frcp.md section 3). */
export interface FrcpTimes {
  /** The longest of all lower flows so far. */
  readonly mplUs: DurationUs;
  /** MPL + R + A. */
  readonly dtUs: DurationUs;
  /** R + 2 MPL + A: no failure is reported earlier after a first transmission. */
  readonly giveUpUs: DurationUs;
  /** 2 MPL + A by a fast clock: no answer to a PDU takes longer. */
  readonly roundTripMaxUs: DurationUs;
  /** Rt = 2 dt: the receiver forgets a run so long after the last PDU it accepted. */
  readonly receiverTimerUs: DurationUs;
  /** St: the sender starts a new run when it has started no number for so long. At least 3 dt. */
  readonly senderTimerUs: DurationUs;
  /** Rt by the peer's slow clock and our fast one: so long after an acknowledgement the peer may keep the run. */
  readonly peerRunUs: DurationUs;
  /** Largest retransmission timeout: R/4. */
  readonly rtoMaxUs: DurationUs;
  /** Doubling stops here, unless the path itself is slower: so soon is a healed outage noticed. */
  readonly rtoSoftMaxUs: DurationUs;
  readonly rtoInitialUs: DurationUs;
  readonly rtoMinUs: DurationUs;
  readonly aUs: DurationUs;
  readonly mtuBytes: number;
  /** Header and checksum of a data PDU. */
  readonly overheadBytes: number;
  /** Most user data in one PDU. */
  readonly payloadMaxBytes: number;
  /** Largest SDU that may be written. */
  readonly sduMaxBytes: number;
}

/** Most the clocks of the two ends may differ in rate (suspended virtual machines included). */
const CLOCK_DRIFT = 0.02;
const RTO_SOFT_MAX_US = 1_000_000;
/** At least so many timeouts fit into R: at half of all PDUs lost both ways, a number fails once in 10^8. */
const TIMEOUTS_MIN = 64;
/** 3 dt stays below 2^31 us, so per-PDU times fit 32-bit serial arithmetic. */
const DT_MAX_US = 600_000_000;
export const WINDOW_PDUS_MAX = 1 << 20;
/** A segment of one unit fits. */
//= R-FRCP-74
const MTU_MIN_BYTES = PCI_BYTES + SEGMENT_BYTES + SEGMENT_UNIT_BYTES + TRAILER_BYTES;
export const MTU_MAX_BYTES = 1 << 22;
const SDU_MAX_BYTES = 1 << 26;

const DEFAULTS: Omit<FrcpParams, 'randomU32'> = {
  mplUs: 1_000_000,
  aUs: 50_000,
  rUs: 30_000_000,
  mtuBytes: 1_400,
  sduMaxBytes: 1_048_576,
  windowPdus: 4_096,
  windowBytes: 262_144,
  windowFirstBytes: CREDIT_MAX_BYTES,
  reliable: true,
  stream: false,
  lowerReliable: false,
  movable: false,
  congestion: 'none',
  pacing: true,
  timestamps: true,
  wire: null,
  integrity: false,
  crc32,
  viewOf: (buf, start, end) => (start === 0 && end === buf.length ? buf : buf.subarray(start, end)),
  rtoInitialUs: 200_000,
  rtoMinUs: 10_000,
};

/**
 * Fills in the defaults and checks every value. Throws a RangeError that names the field; a caller's mistake,
 * never a peer's.
 */
export function resolveParams(
  partial: Partial<FrcpParams> & { readonly randomU32: () => number },
): FrcpParams {
  const p = withWireLimits({ ...DEFAULTS, ...partial.wire?.defaults, ...partial });
  inRange('mplUs', p.mplUs, 0, DT_MAX_US);
  inRange('aUs', p.aUs, 0, DT_MAX_US);
  inRange('rUs', p.rUs, 0, DT_MAX_US);
  inRange('mplUs + rUs + aUs', p.mplUs + p.rUs + p.aUs, 1, DT_MAX_US);
  inRange('mtuBytes', p.mtuBytes, mtuMinBytes(p), MTU_MAX_BYTES);
  inRange('sduMaxBytes', p.sduMaxBytes, 1, SDU_MAX_BYTES);
  inRange('windowPdus', p.windowPdus, 4, WINDOW_PDUS_MAX);
  inRange('windowBytes', p.windowBytes, 4_096, CREDIT_MAX_BYTES);
  inRange('windowFirstBytes', p.windowFirstBytes, 4_096, p.windowBytes);
  inRange('rtoMinUs', p.rtoMinUs, 1, DT_MAX_US);
  inRange('rtoInitialUs', p.rtoInitialUs, p.rtoMinUs, DT_MAX_US);
  if (p.wire !== null && (p.stream || p.lowerReliable))
    throw new RangeError(`wire: ${p.wire.name} has neither streams nor reliable lower flows`);
  if (p.stream && !p.reliable) throw new RangeError('stream: needs reliable');
  if (p.congestion !== 'none' && p.congestion !== 'cubic')
    throw new RangeError(`congestion: must be none or cubic, not ${String(p.congestion)}`);
  if (typeof p.randomU32 !== 'function') throw new RangeError('randomU32: must be a function');
  return p;
}

/** A format without fragments and byte credit: an SDU is a PDU, and only their number limits what may come. */
//= R-FRCP-90
function withWireLimits(p: FrcpParams): FrcpParams {
  const { wire } = p;
  if (wire === null) return { ...p, windowFirstBytes: Math.min(p.windowFirstBytes, p.windowBytes) };
  const windowPdus = Math.min(p.windowPdus, wire.windowMaxPdus);
  const sduMaxBytes = Math.max(p.mtuBytes - wire.headerBytes, wire.payloadMaxBytes);
  const windowBytes = Math.max(4_096, windowPdus * sduMaxBytes);
  return { ...p, windowPdus, sduMaxBytes, windowBytes, windowFirstBytes: windowBytes };
}

/** Checks what a move asks for. Throws a RangeError that names the field. */
export function checkLower(p: FrcpParams, lower: LowerFlow): void {
  inRange('mtuBytes', lower.mtuBytes, mtuMinBytes(p), MTU_MAX_BYTES);
  inRange('mplUs', lower.mplUs, 0, DT_MAX_US);
}

/** Whether PDUs carry times: where none is sent again by time there is nothing to tell apart. */
export function sendsTimes(p: FrcpParams): boolean {
  return p.timestamps && p.reliable && !p.lowerReliable && p.wire === null;
}

function mtuMinBytes(p: FrcpParams): number {
  return MTU_MIN_BYTES + (sendsTimes(p) ? TIMES_BYTES : 0);
}

function inRange(field: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${field}: must be an integer from ${min} to ${max}, not ${value}`);
}

const timesOf = new WeakMap<FrcpParams, FrcpTimes>();

/** The times of a fresh connection; made once for all connections with the same parameters. */
export function initialTimes(p: FrcpParams): FrcpTimes {
  let times = timesOf.get(p);
  if (times === undefined) timesOf.set(p, (times = deriveTimes(p, p.mplUs, p.mtuBytes)));
  return times;
}

/**
 * Watson's bounds. Rt = 2 dt. St: after the last new number its last copy is accepted at most R + MPL later and
 * the peer's run lives Rt on from there, by a clock that may run slow while ours runs fast; computed, not rounded.
 */
//= R-FRCP-20
export function deriveTimes(p: FrcpParams, mplUs: DurationUs, mtuBytes: number): FrcpTimes {
  const { wire } = p;
  const aUs = Math.max(p.aUs, wire === null ? 0 : wire.peerAUs);
  const dtUs = mplUs + p.rUs + aUs;
  const header = wire === null ? PCI_BYTES : wire.headerBytes;
  const overheadBytes = header + (sendsTimes(p) ? TIMES_BYTES : 0) + (p.integrity ? TRAILER_BYTES : 0);
  const room = mtuBytes - overheadBytes;
  const payloadMaxBytes = Math.max(1, Math.min(room, p.sduMaxBytes, p.windowFirstBytes >>> 1));
  return {
    dtUs,
    mplUs,
    giveUpUs: dtUs + mplUs,
    roundTripMaxUs: longestHere(2 * mplUs + aUs),
    ...(wire === null ? runTimers(p, mplUs) : foreignRunTimers(dtUs, mplUs, wire)),
    rtoMaxUs: Math.max(1, Math.floor(p.rUs / 4)),
    rtoSoftMaxUs: Math.max(1, Math.min(RTO_SOFT_MAX_US, Math.floor(p.rUs / TIMEOUTS_MIN))),
    rtoInitialUs: p.rtoInitialUs,
    rtoMinUs: p.rtoMinUs,
    aUs: p.aUs,
    mtuBytes,
    overheadBytes,
    payloadMaxBytes,
    sduMaxBytes: wire === null ? p.sduMaxBytes : payloadMaxBytes,
  };
}

/** The longest that our clock may show while a clock at the other end shows `us`. */
function longestHere(us: DurationUs): DurationUs {
  return Math.ceil((us * (1 + CLOCK_DRIFT)) / (1 - CLOCK_DRIFT));
}

type RunTimers = Pick<FrcpTimes, 'receiverTimerUs' | 'senderTimerUs' | 'peerRunUs'>;

function runTimers(p: FrcpParams, mplUs: DurationUs): RunTimers {
  const dtUs = mplUs + p.rUs + p.aUs;
  const receiverTimerUs = 2 * dtUs;
  const needed = (receiverTimerUs * (1 + CLOCK_DRIFT) + p.rUs + mplUs) / (1 - CLOCK_DRIFT);
  return {
    receiverTimerUs,
    senderTimerUs: Math.max(3 * dtUs, Math.ceil(needed)),
    peerRunUs: longestHere(receiverTimerUs),
  };
}

/** The tighter bounds of Watson's paper: a receiver that waits longer would refuse the peer's next run. */
//= R-FRCP-94
function foreignRunTimers(dtUs: DurationUs, mplUs: DurationUs, wire: Wire): RunTimers {
  const receiverTimerUs = dtUs + mplUs + wire.timerMarginUs;
  return { receiverTimerUs, senderTimerUs: receiverTimerUs + mplUs, peerRunUs: longestHere(receiverTimerUs) };
}

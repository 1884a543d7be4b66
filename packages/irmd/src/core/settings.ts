import type { ChannelKind, PathParams } from '@flowring/common';
import { LIMITS, TIMES } from '@flowring/common';

/** What the core is configured with; all times in ms. */
export interface IrmSettings {
  /** The daemon's own uid: it and uid 0 may do everything. */
  readonly ownUid: number;
  /** The daemon's pid, for `irm status`. */
  readonly ownPid: number;
  /** How long a request for a known name waits when nobody serves it. Default 1 s. */
  readonly acceptorGraceMs: number;
  /** How long a started program may take until it accepts. Default 10 s. */
  readonly programStartMs: number;
  /** How long a started IPCP may take until it says hello. Default 10 s. */
  readonly ipcpStartMs: number;
  /** How long an IPCP may take to answer a bootstrap or a registration. Default 5 s. */
  readonly ipcpRequestMs: number;
  /** How long an IPCP may take to say whether it knows a name: it may have to ask others. Default 5 s. */
  readonly ipcpQueryMs: number;
  /** First pause after a failed start of a program or IPCP; doubles with each failure. Default 250 ms. */
  readonly backoffMinMs: number;
  /** Longest pause between two starts. Default 10 s. */
  readonly backoffMaxMs: number;
  /** A child that ran this long has its failures forgiven. Default 30 s. */
  readonly stableMs: number;
  /** IPCP types that can be started. */
  readonly ipcpTypes: readonly string[];
  /**
   * Path of a direct flow. R and MPL are O7s's of a local layer (120 s, 100 ms: cmake/config). A is 100 ms, not O7s's
   * 10 s: until its last message is acknowledged a flow holds the buffer it lies in.
   */
  readonly directParams: PathParams;
  /** Where channel files go; a channel's prefix is `DIR/ch-ID`. */
  readonly channelDir: string;
  readonly ringBytes: number;
  /** Kinds of channel whose files this daemon can make. */
  readonly channelKinds: readonly ChannelKind[];
  readonly flowsMax: number;
}

export const DEFAULT_SETTINGS: IrmSettings = {
  ownUid: 0,
  ownPid: 0,
  acceptorGraceMs: TIMES.acceptorGraceMs,
  programStartMs: TIMES.programStartMs,
  ipcpStartMs: 10_000,
  ipcpRequestMs: TIMES.requestTimeoutMs,
  ipcpQueryMs: 5_000,
  backoffMinMs: 250,
  backoffMaxMs: 10_000,
  stableMs: 30_000,
  ipcpTypes: ['local', 'udp', 'o7s-udp'],
  directParams: { mplMs: 100, aMs: 100, rMs: 120_000, mtuBytes: LIMITS.sduMaxBytes },
  channelDir: '/tmp',
  ringBytes: LIMITS.ringBytes,
  channelKinds: ['shm', 'unix'],
  flowsMax: LIMITS.flowsMax,
};

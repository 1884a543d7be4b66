import type { FlowId, QosSpec } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { Deadline } from '../deadline-queue.ts';
import type { PeerAddress } from '../fa-flow.ts';
import type { FaState } from '../fa-states.ts';

/** One end of a flow with a C peer. */
export interface O7sFlow {
  state: FaState;
  /** The IRMd's id of this end; 0 for an incoming request that nobody accepted yet. */
  flow: FlowId;
  /** Our number for an incoming request; 0 at the requesting end. */
  readonly incoming: number;
  readonly peer: PeerAddress;
  /** Our EID; 0 while there is none, or several. */
  sEid: number;
  rEid: number;
  readonly qos: QosSpec;
  lastHeardUs: InstantUs;
  lastSentUs: InstantUs;
  /** Our own stalls when the peer was last heard. */
  stalledUs: DurationUs;
  timer: Deadline<O7sTimer> | null;
  /** Until the flow is allocated. */
  asked: AskedFlow | null;
  offered: OfferedFlow | null;
}

/** What one of our EIDs stands for: a flow, or one try to allocate it. */
export interface O7sEndpoint {
  readonly sEid: number;
  readonly flow: O7sFlow;
}

/** The tries of a requester. */
export interface AskedFlow {
  readonly nameHash: Uint8Array;
  readonly deadlineUs: InstantUs;
  retryUs: DurationUs;
  retryAtUs: InstantUs;
  readonly tries: AskedTry[];
  /** A refusal that waits for an acceptance to overtake it; `null`: none. */
  refusal: { readonly errno: number; readonly atUs: InstantUs } | null;
}

export interface AskedTry extends O7sEndpoint {
  readonly id: Uint8Array;
  readonly hashOfRequest: Uint8Array;
}

/** A request that waits for the IRMd. */
export interface OfferedFlow {
  readonly id: Uint8Array;
  readonly hashOfRequest: Uint8Array;
}

/** What a deadline is about. */
export type O7sTimer =
  | { readonly kind: 'flow'; readonly flow: O7sFlow }
  | { readonly kind: 'resting-eids' }
  | { readonly kind: 'seen-requests' };

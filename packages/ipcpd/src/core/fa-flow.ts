import type { FlowId, QosSpec } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { Deadline } from './deadline-queue.ts';
import type { FaState } from './fa-states.ts';
import type { Peer } from './liveness.ts';

/** Where a peer's allocator is, in the words of the layer; the core only compares it. */
export type PeerAddress = string;

/** One end of a flow at the allocator. */
export interface FaFlow {
  state: FaState;
  /** The IRMd's id of this end; 0 for an incoming request that nobody accepted yet. */
  flow: FlowId;
  /** Our number for an incoming request; 0 at the requesting end. */
  readonly incoming: number;
  readonly peer: Peer;
  /** Our EID; 0 while an incoming request is not accepted. */
  sEid: number;
  rEid: number;
  /** Silence of the peer's IPCP after which this flow is over; 0: never. */
  readonly timeoutUs: DurationUs;
  /** What is only needed until both ends know of each other. */
  pending: PendingExchange | null;
}

/** A request waiting for its answer, or an answer waiting to be confirmed. */
export interface PendingExchange {
  readonly id: string;
  readonly startedUs: InstantUs;
  deadlineUs: InstantUs;
  /** Our own stalls up to now, as counted when the deadline was set. */
  stalledUs: DurationUs;
  /** What is repeated; `null` while our own side has not answered. */
  pdu: Uint8Array | null;
  retryUs: DurationUs;
  tries: number;
  /** What the requester asked for. */
  readonly qos: QosSpec;
  timer: Deadline<FaTimer> | null;
}

/** What a deadline of the allocator is about. */
export type FaTimer =
  | { readonly kind: 'exchange'; readonly flow: FaFlow }
  | { readonly kind: 'repeat'; readonly peer: PeerAddress; readonly pdu: Uint8Array }
  | { readonly kind: 'forget-answers'; readonly peer: Peer }
  | { readonly kind: 'peer'; readonly peer: Peer }
  | { readonly kind: 'resting-eids' };

/** What a layer promises of its N-1 path; resolved once. */
export interface FaTraits {
  /** Every PDU arrives once, in order, in the same turn: nothing is repeated, remembered or kept alive. */
  readonly lossless: boolean;
  /** Longest life of a PDU in the N-1 path. */
  readonly mplUs: DurationUs;
  /** How long an EID rests after its flow: 3 (MPL + A + R), the delta-t bound for anything of the old flow. */
  readonly quarantineUs: DurationUs;
  /** Timeout of flows whose QoS says none of its own, ms; absent: what the QoS says always counts. */
  readonly timeoutMs?: number;
  /** First repetition of an unanswered request, before a round trip was measured. */
  readonly rtoInitialUs: DurationUs;
}

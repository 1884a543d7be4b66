import type { ControlMessage, ErrorCode, FlowId, PathParams, QosSpec } from '@flowring/common';
import type { FaTraits, PeerAddress } from './fa-flow.ts';

/** What the IRMd, the data path and the peers ask of the allocator. */
export type FaInput =
  | {
      readonly t: 'request';
      readonly flow: FlowId;
      readonly peer: PeerAddress;
      readonly name: string;
      readonly qos: QosSpec;
      readonly timeoutMs: number;
      readonly data?: Uint8Array | undefined;
    }
  | {
      readonly t: 'accept';
      readonly incoming: number;
      readonly flow: FlowId;
      readonly data?: Uint8Array | undefined;
    }
  | { readonly t: 'refuse'; readonly incoming: number; readonly code: ErrorCode }
  /** The owner ended its half, or died (`errno` not 0). Tells the peer. */
  | { readonly t: 'local-end'; readonly flow: FlowId; readonly errno: number }
  /** The IRMd deallocated the endpoint; implies `local-end` where none came. Answered by `ipcp-released`. */
  | { readonly t: 'release'; readonly flow: FlowId }
  | { readonly t: 'pdu'; readonly peer: PeerAddress; readonly pdu: Uint8Array };

/** What the allocator wants done, in order. */
export type FaOutput =
  | { readonly t: 'send'; readonly peer: PeerAddress; readonly pdu: Uint8Array }
  | { readonly t: 'irmd'; readonly message: ControlMessage }
  /** The flow is allocated: its packets travel between these EIDs. */
  | ({ readonly t: 'bind' } & FlowBinding)
  /** The peer's half is over: nothing more comes after what has arrived. 0: deallocated there. */
  | { readonly t: 'ended'; readonly flow: FlowId; readonly errno: number }
  /** The flow is forgotten here. */
  | { readonly t: 'unbind'; readonly flow: FlowId };

export interface FlowBinding {
  readonly flow: FlowId;
  readonly peer: PeerAddress;
  readonly qos: QosSpec;
  /** Our EID: the peer puts it into what it sends us. */
  readonly sEid: number;
  /** The peer's EID. */
  readonly rEid: number;
}

/** Plain counters, always on. */
export interface FaStats {
  pdusSent: number;
  pdusReceived: number;
  /** Not decodable. */
  pdusMalformed: number;
  /** Well-formed, but for no flow or exchange we know. */
  pdusStray: number;
  /** From a past incarnation of the peer. */
  pdusLate: number;
  /** Copies of a request that got their answer again. */
  requestsRepeated: number;
  /** Refused because a table was full. */
  requestsOverBound: number;
  /** Flows ended because their peer fell silent or restarted. */
  peersGone: number;
  /** Time our own loop stood still, as credited to the peers, us. */
  stalledUs: number;
}

export interface FlowAllocatorOptions {
  readonly traits: FaTraits;
  /** What the path to a peer is like now; told to both ends of a flow when it is allocated. */
  readonly paramsOf: (peer: PeerAddress) => PathParams;
  /** Random 32 bits; seeded in tests. */
  readonly random: () => number;
}

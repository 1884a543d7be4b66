import type { ControlMessage, ErrorCode, FlowId, PathParams, QosSpec } from '@flowring/common';
import { errnoOf } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import { DeadlineQueue } from '../deadline-queue.ts';
import { EidTable } from '../eid-table.ts';
import type { PeerAddress } from '../fa-flow.ts';
import type { FaOutput } from '../fa-messages.ts';
import type { FaEvent } from '../fa-states.ts';
import { nextFaState } from '../fa-states.ts';
import type { Digest } from './digest.ts';
import type { ManagementFrame } from './management-frame.ts';
import { encodeFrame } from './management-frame.ts';
import type { HashedNames } from './name-hash.ts';
import type { O7sEndpoint, O7sFlow, O7sTimer } from './o7s-flow.ts';
import { SeenRequests } from './seen-requests.ts';

export const PEER_GONE = errnoOf('FLOWRING_PEER_GONE');
/** How long a C peer keeps what it knows of a reliable flow: 3 MPL + A + R, and a second. */
export const O7S_QUARANTINE_US = 146_000_000;
/** C keeps its peer's EID in a signed integer. */
const EID_MASK = 0x7fff_ffff;

export interface O7sAllocatorOptions {
  /** Told to our end of every flow. */
  readonly params: PathParams;
  /** Names that may be asked for; the layer's directory registers them. */
  readonly names: HashedNames;
  readonly digest: Digest;
  /** Random 32 bits; seeded in tests. */
  readonly random: () => number;
  /** Whole microseconds since 1970 UTC at the instant `nowUs`. */
  readonly utcUs: (nowUs: InstantUs) => number;
  /** Rest of an EID after its flow, us. Default {@link O7S_QUARANTINE_US}. */
  readonly quarantineUs?: DurationUs;
  /** Silence after which a request is tried once more, us. Default 3,000,000: a C server may take two seconds. */
  readonly firstRetryUs?: DurationUs;
}

/** Plain counters, always on. */
export interface O7sStats {
  framesSent: number;
  framesReceived: number;
  /** Management frames of no known shape, or with an allocation header of none. */
  framesMalformed: number;
  /** Replies to nothing that is asked: late, of another sender, of another request. */
  repliesStray: number;
  /** Copies of a request: not answered. */
  requestsRepeated: number;
  requestsOverBound: number;
  requestsUnknownName: number;
  /** Requests and replies with a certificate, taken as anonymous. */
  certificatesUnchecked: number;
  keepalivesSent: number;
  /** Packets for an EID of ours from another address than its flow's. */
  packetsFromStrangers: number;
  peersGone: number;
  /** Time our own loop stood still, as credited to the peers, us. */
  stalledUs: number;
}

/** The tables of one allocator and the steps that its parts share. Outputs collect in `out`. */
export class O7sContext {
  readonly options: O7sAllocatorOptions;
  readonly firstRetryUs: DurationUs;
  readonly quarantineUs: DurationUs;
  readonly eids: EidTable<O7sEndpoint>;
  readonly seen = new SeenRequests();
  readonly timers = new DeadlineQueue<O7sTimer>();
  readonly flows = new Map<FlowId, O7sFlow>();
  /** Requests told to the IRMd and not answered yet. */
  readonly incoming = new Map<number, O7sFlow>();
  incomingLast = 0;
  /** When we last found that we had stood still. */
  stalledAtUs: InstantUs = 0;
  out: FaOutput[] = [];
  readonly stats: O7sStats = {
    framesSent: 0,
    framesReceived: 0,
    framesMalformed: 0,
    repliesStray: 0,
    requestsRepeated: 0,
    requestsOverBound: 0,
    requestsUnknownName: 0,
    certificatesUnchecked: 0,
    keepalivesSent: 0,
    packetsFromStrangers: 0,
    peersGone: 0,
    stalledUs: 0,
  };

  constructor(options: O7sAllocatorOptions) {
    this.options = options;
    this.firstRetryUs = options.firstRetryUs ?? 3_000_000;
    this.quarantineUs = options.quarantineUs ?? O7S_QUARANTINE_US;
    //= R-OUDP-36
    this.eids = new EidTable<O7sEndpoint>(() => options.random() & EID_MASK, this);
  }

  sendFrame(peer: PeerAddress, frame: ManagementFrame): void {
    this.stats.framesSent += 1;
    this.send(peer, encodeFrame(frame));
  }

  send(peer: PeerAddress, pdu: Uint8Array): void {
    this.out.push({ t: 'send', peer, pdu });
  }

  tell(message: ControlMessage): void {
    this.out.push({ t: 'irmd', message });
  }

  step(flow: O7sFlow, event: FaEvent): void {
    const next = nextFaState(flow.state, event);
    if (next !== null) flow.state = next;
  }

  arm(flow: O7sFlow, atUs: InstantUs): void {
    this.timers.cancel(flow.timer);
    flow.timer = this.timers.add(atUs, { kind: 'flow', flow });
  }

  disarm(flow: O7sFlow): void {
    this.timers.cancel(flow.timer);
    flow.timer = null;
  }

  /** Nothing of this EID travels any more: it rests. */
  retireEid(sEid: number, errno: number, nowUs: InstantUs): void {
    const wasEmpty = this.eids.resting === 0;
    this.eids.retire(sEid, errno, nowUs);
    if (wasEmpty) this.expireEids(nowUs);
  }

  /** Lets EIDs go in batches: a wake-up for each would cost more than their room. */
  expireEids(nowUs: InstantUs): void {
    this.eids.expire(nowUs);
    const nextUs = this.eids.nextExpiryUs();
    if (nextUs === null) return;
    this.timers.add(nextUs + Math.floor(this.quarantineUs / 16), { kind: 'resting-eids' });
  }

  /** The flow no longer speaks: its EIDs rest, its timer is off. */
  silence(flow: O7sFlow, errno: number, nowUs: InstantUs): void {
    this.disarm(flow);
    for (const one of flow.asked?.tries ?? []) this.retireEid(one.sEid, errno, nowUs);
    flow.asked = null;
    flow.offered = null;
    if (flow.sEid !== 0) this.retireEid(flow.sEid, errno, nowUs);
  }

  close(flow: O7sFlow, errno: number, nowUs: InstantUs): void {
    this.silence(flow, errno, nowUs);
    if (flow.incoming !== 0) this.incoming.delete(flow.incoming);
    if (flow.flow !== 0 && this.flows.delete(flow.flow)) this.out.push({ t: 'unbind', flow: flow.flow });
  }

  bind(flow: O7sFlow): void {
    const { flow: id, peer, qos, sEid, rEid } = flow;
    this.out.push({ t: 'bind', flow: id, peer, qos, sEid, rEid });
  }

  refused(id: FlowId, code: ErrorCode): void {
    this.tell({ t: 'ipcp-refused', flow: id, code });
  }
}

export function newO7sFlow(
  of: {
    readonly flow?: FlowId;
    readonly incoming?: number;
    readonly peer: PeerAddress;
    readonly qos: QosSpec;
  },
  nowUs: InstantUs,
): O7sFlow {
  return {
    state: 'idle',
    flow: of.flow ?? 0,
    incoming: of.incoming ?? 0,
    peer: of.peer,
    sEid: 0,
    rEid: 0,
    qos: of.qos,
    lastHeardUs: nowUs,
    lastSentUs: nowUs,
    stalledUs: 0,
    timer: null,
    asked: null,
    offered: null,
  };
}

import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { PeerRequests } from './answer-cache.ts';
import { newPeerRequests } from './answer-cache.ts';
import type { Deadline } from './deadline-queue.ts';
import type { FaFlow, FaTimer, PeerAddress } from './fa-flow.ts';
import { DIGEST_BUCKETS } from './fa-pdu.ts';

/** A late wake-up beyond this is our own stall and is not held against any peer. */
export const STALL_MIN_US = 20_000;
/** Keepalive period towards a peer all of whose flows never time out: it only reconciles. */
export const IDLE_ALIVE_US = 30_000_000;
/** Keepalives are never closer than this, however short a flow's timeout is. */
export const ALIVE_MIN_US = 10_000;
/** Unanswered probes it takes to call a peer gone, beside the silence. */
export const PROBES_BEFORE_DEATH = 3;
/** Past incarnations of a peer whose late packets are told apart. */
const PAST_EPOCHS_MAX = 4;
const RTT_DEFAULT_US = 100_000;
/** Above this a sample holds the time an application took to accept. */
const RTT_MAX_US = 500_000;

/** Another IPCP, as long as we share a flow or an exchange with it. */
export interface Peer {
  readonly address: PeerAddress;
  /** Flows and exchanges that refer to it, and one for all answers that are remembered. */
  uses: number;
  epoch: number | null;
  /** Those that are over, and until when their packets may come, in running time. */
  pastEpochs: { readonly epoch: number; readonly untilUs: InstantUs }[];
  lastHeardUs: InstantUs;
  /** When the next keepalive is due. */
  aliveAtUs: InstantUs;
  /** Probes sent since we last heard the peer. */
  probesUnanswered: number;
  srttUs: DurationUs;
  /** Flows both ends know, by their timeout: few distinct keys, so the shortest is found by a scan of them. */
  readonly byTimeout: Map<DurationUs, Set<FaFlow>>;
  /** Xor of a hash of every flow in `allocated`, per bucket: equal at both ends when both know the same flows. */
  readonly digests: Uint32Array;
  /** Bucket the next reconciliation starts with. */
  nextBucket: number;
  /** Not before this is the next reconciliation. */
  reconcileAtUs: InstantUs;
  timer: Deadline<FaTimer> | null;
  readonly requests: PeerRequests;
  /** Whether answers are remembered: looked at every MPL. */
  remembers: boolean;
}

export function newPeer(address: PeerAddress, nowUs: InstantUs): Peer {
  return {
    address,
    uses: 0,
    epoch: null,
    pastEpochs: [],
    lastHeardUs: nowUs,
    aliveAtUs: nowUs,
    probesUnanswered: 0,
    srttUs: 0,
    byTimeout: new Map(),
    digests: new Uint32Array(DIGEST_BUCKETS),
    nextBucket: 0,
    reconcileAtUs: 0,
    timer: null,
    requests: newPeerRequests(),
    remembers: false,
  };
}

/** Any packet of the peer counts. */
export function noteHeard(peer: Peer, nowUs: InstantUs): void {
  peer.lastHeardUs = nowUs;
  peer.probesUnanswered = 0;
}

/** Our own loop stood still for so long: the peer could not be heard, so that time is no silence of its. */
export function creditStall(peer: Peer, stallUs: DurationUs, nowUs: InstantUs): void {
  peer.lastHeardUs = Math.min(nowUs, peer.lastHeardUs + stallUs);
}

/**
 * What a packet's epoch says of the peer. `late`: from an incarnation that is over; drop it. No packet is late by more
 * than MPL: what comes then is from an incarnation that lives, whoever made us believe that it was over.
 */
export function noteEpoch(
  peer: Peer,
  epoch: number,
  runningUs: InstantUs,
  mplUs: DurationUs,
): 'same' | 'restarted' | 'late' {
  if (peer.epoch === epoch) return 'same';
  const past = peer.pastEpochs.filter(({ untilUs }) => runningUs < untilUs);
  if (past.some((one) => one.epoch === epoch)) return 'late';
  const first = peer.epoch === null;
  if (peer.epoch !== null) past.push({ epoch: peer.epoch, untilUs: runningUs + mplUs });
  peer.pastEpochs = past.slice(-PAST_EPOCHS_MAX);
  peer.epoch = epoch;
  return first ? 'same' : 'restarted';
}

/** RFC 6298 smoothing of the round trip; only unrepeated exchanges give a sample (Karn). */
export function noteRtt(peer: Peer, sampleUs: DurationUs): void {
  peer.srttUs = peer.srttUs === 0 ? sampleUs : Math.round(peer.srttUs + (sampleUs - peer.srttUs) / 8);
}

export function rttOf(peer: Peer): DurationUs {
  return peer.srttUs === 0 ? RTT_DEFAULT_US : Math.min(RTT_MAX_US, peer.srttUs);
}

/** The flow is known at this end: it is watched. Silence before the first flow is not held against the peer. */
export function watch(peer: Peer, flow: FaFlow, nowUs: InstantUs): void {
  if (peer.byTimeout.size === 0) noteHeard(peer, nowUs);
  const flows = peer.byTimeout.get(flow.timeoutUs);
  if (flows === undefined) peer.byTimeout.set(flow.timeoutUs, new Set([flow]));
  else flows.add(flow);
}

export function unwatch(peer: Peer, flow: FaFlow): void {
  const flows = peer.byTimeout.get(flow.timeoutUs);
  if (flows === undefined || !flows.delete(flow) || flows.size > 0) return;
  peer.byTimeout.delete(flow.timeoutUs);
}

/** Adds a flow to the digests, or takes it out again: xor is its own inverse. */
export function toggleDigest(peer: Peer, flow: FaFlow): void {
  const hash = pairHash(flow.sEid, flow.rEid);
  const bucket = hash % DIGEST_BUCKETS;
  peer.digests[bucket] = peer.digests[bucket]! ^ hash;
}

/** Group of a flow; both ends compute the same. */
export function bucketOf(flow: FaFlow): number {
  return pairHash(flow.sEid, flow.rEid) % DIGEST_BUCKETS;
}

/** Bit mask of the buckets in which the two ends know different flows. */
export function differingBuckets(peer: Peer, digests: Uint32Array): number {
  let mask = 0;
  for (let i = 0; i < DIGEST_BUCKETS; i += 1) if (peer.digests[i] !== digests[i]) mask |= 1 << i;
  return mask;
}

/** When a new flow's first keepalive is due. */
export function firstAliveUs(flow: FaFlow, nowUs: InstantUs): InstantUs {
  const everyUs = flow.timeoutUs === 0 ? IDLE_ALIVE_US : Math.floor(flow.timeoutUs / 4);
  return nowUs + Math.max(ALIVE_MIN_US, everyUs);
}

/** Shortest timeout of the watched flows; 0 when none of them ever times out. */
export function shortestTimeout(peer: Peer): DurationUs {
  let shortest = 0;
  for (const timeoutUs of peer.byTimeout.keys()) {
    if (timeoutUs !== 0 && (shortest === 0 || timeoutUs < shortest)) shortest = timeoutUs;
  }
  return shortest;
}

export interface LivenessStep {
  /** What to send now. A `probe` is a keepalive that asks for one back. */
  readonly send: 'nothing' | 'alive' | 'probe';
  /** Flows whose timeout has passed. */
  readonly gone: readonly FaFlow[];
  readonly nextAtUs: InstantUs;
}

/**
 * One look at a peer: a keepalive every T/4 of the shortest timeout T, whatever the number of flows; after T/2 of
 * silence a probe every T/16, so that ten packets must be lost in a row before a live peer is called gone; and the
 * flows whose timeout passed in silence while we ran and probed.
 */
export function stepLiveness(peer: Peer, nowUs: InstantUs): LivenessStep {
  const gone = flowsGone(peer, nowUs);
  const timeoutUs = shortestTimeout(peer);
  const aliveEveryUs = timeoutUs === 0 ? IDLE_ALIVE_US : Math.max(ALIVE_MIN_US, Math.floor(timeoutUs / 4));
  const probeEveryUs = Math.max(ALIVE_MIN_US, Math.floor(timeoutUs / 16));
  const inDoubt = timeoutUs !== 0 && nowUs - peer.lastHeardUs >= timeoutUs / 2;
  let send: LivenessStep['send'] = 'nothing';
  peer.aliveAtUs = Math.min(peer.aliveAtUs, nowUs + aliveEveryUs);
  if (inDoubt) {
    send = 'probe';
    peer.probesUnanswered += 1;
    peer.aliveAtUs = nowUs + probeEveryUs;
  } else if (nowUs >= peer.aliveAtUs) {
    send = 'alive';
    peer.aliveAtUs = nowUs + aliveEveryUs;
  }
  const doubtAtUs = timeoutUs === 0 ? peer.aliveAtUs : peer.lastHeardUs + Math.ceil(timeoutUs / 2);
  const nextAtUs = inDoubt ? nowUs + probeEveryUs : Math.min(peer.aliveAtUs, Math.max(nowUs + 1, doubtAtUs));
  return { send, gone, nextAtUs };
}

function flowsGone(peer: Peer, nowUs: InstantUs): FaFlow[] {
  if (peer.probesUnanswered < PROBES_BEFORE_DEATH) return [];
  const silenceUs = nowUs - peer.lastHeardUs;
  const gone: FaFlow[] = [];
  for (const [timeoutUs, flows] of peer.byTimeout) {
    if (timeoutUs !== 0 && silenceUs > timeoutUs) gone.push(...flows);
  }
  return gone;
}

/** A 32-bit mix of the two EIDs that does not depend on their order (constants of the splitmix family). */
function pairHash(a: number, b: number): number {
  let h = (a ^ b) + Math.imul(a, b);
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

import type { ControlMessage, FlowId, PathParams, QosSpec } from '@flowring/common';
import { errnoOf } from '@flowring/common';
import type { InstantUs } from '@flowring/frcp';
import type { RememberedAnswer } from './answer-cache.ts';
import { AnswerCache, answerBytes } from './answer-cache.ts';
import { DeadlineQueue } from './deadline-queue.ts';
import { EidTable } from './eid-table.ts';
import type { FaFlow, FaTimer, FaTraits, PeerAddress } from './fa-flow.ts';
import type { FaOutput, FaStats, FlowAllocatorOptions } from './fa-messages.ts';
import type { EidPair, FaBody } from './fa-pdu.ts';
import { encodeFaPdu } from './fa-pdu.ts';
import type { FaEvent } from './fa-states.ts';
import { nextFaState } from './fa-states.ts';
import type { Peer } from './liveness.ts';
import { firstAliveUs, newPeer, rttOf, toggleDigest, unwatch, watch } from './liveness.ts';
import { requestNumber } from './request-id.ts';

export const PEER_GONE = errnoOf('FLOWRING_PEER_GONE');

/** The tables of one allocator and the steps that all of its parts share. Outputs collect in `out`. */
export class FaContext {
  readonly traits: FaTraits;
  readonly paramsOf: (peer: PeerAddress) => PathParams;
  readonly random: () => number;
  /** Random per start: a peer that sees another one knows that we restarted. */
  readonly epoch: number;
  readonly eids: EidTable;
  readonly answers = new AnswerCache();
  readonly timers = new DeadlineQueue<FaTimer>();
  readonly peers = new Map<PeerAddress, Peer>();
  readonly flows = new Map<FlowId, FaFlow>();
  /** Requests told to the IRMd and not answered yet. */
  readonly incoming = new Map<number, FaFlow>();
  incomingLast = 0;
  /** Requests made. */
  requestLast = 0;
  out: FaOutput[] = [];
  readonly stats: FaStats = {
    pdusSent: 0,
    pdusReceived: 0,
    pdusMalformed: 0,
    pdusStray: 0,
    pdusLate: 0,
    requestsRepeated: 0,
    requestsOverBound: 0,
    peersGone: 0,
    stalledUs: 0,
  };

  constructor(options: FlowAllocatorOptions) {
    this.traits = options.traits;
    this.paramsOf = options.paramsOf;
    this.random = options.random;
    this.epoch = options.random() >>> 0;
    this.eids = new EidTable(options.random, options.traits);
  }

  send(to: PeerAddress, body: FaBody): void {
    this.sendBytes(to, encodeFaPdu(this.epoch, body));
  }

  sendBytes(peer: PeerAddress, pdu: Uint8Array): void {
    this.stats.pdusSent += 1;
    this.out.push({ t: 'send', peer, pdu });
  }

  tell(message: ControlMessage): void {
    this.out.push({ t: 'irmd', message });
  }

  repeat(peer: Peer, body: FaBody, nowUs: InstantUs): void {
    const pdu = encodeFaPdu(this.epoch, body);
    this.sendBytes(peer.address, pdu);
    if (this.traits.lossless) return;
    for (const roundTrips of [1, 4]) {
      this.timers.add(nowUs + roundTrips * rttOf(peer), { kind: 'repeat', peer: peer.address, pdu });
    }
  }

  sendDown(to: PeerAddress, pair: EidPair): void {
    this.send(to, { t: 'down', sEid: pair.rEid, rEid: pair.sEid, errno: this.eids.endOf(pair.rEid) });
  }

  sendAlive(to: PeerAddress, solicit: boolean): void {
    const digests = this.peers.get(to)?.digests ?? NO_FLOWS;
    this.send(to, { t: 'alive', solicit, digests });
  }

  step(flow: FaFlow, event: FaEvent): void {
    const next = nextFaState(flow.state, event);
    if (next !== null) flow.state = next;
  }

  usePeer(address: PeerAddress, nowUs: InstantUs): Peer {
    let peer = this.peers.get(address);
    if (peer === undefined) this.peers.set(address, (peer = newPeer(address, nowUs)));
    peer.uses += 1;
    return peer;
  }

  dropPeer(peer: Peer): void {
    peer.uses -= 1;
    if (peer.uses > 0 || this.peers.get(peer.address) !== peer) return;
    this.timers.cancel(peer.timer);
    this.peers.delete(peer.address);
  }

  /** Ends what repeats for the exchange; the answer is kept only if its requester may not have it. */
  //= R-FA-04
  settle(flow: FaFlow, nowUs: InstantUs): void {
    const { pending } = flow;
    if (pending === null) return;
    this.timers.cancel(pending.timer);
    flow.pending = null;
    if (flow.incoming === 0) return;
    const number = requestNumber(pending.id);
    const { requests } = flow.peer;
    requests.open.delete(number);
    if (pending.pdu !== null) requests.openBytes -= answerBytes(pending.pdu);
    if (flow.state === 'allocated' || pending.pdu === null) this.rememberAsked(flow.peer, number, nowUs);
    else {
      const untilUs = pending.deadlineUs - pending.stalledUs;
      this.#remember(flow.peer, number, { answer: pending.pdu, untilUs }, nowUs);
    }
  }

  /** Remembers a request whose requester asks no more: a copy may be under way. */
  rememberAsked(peer: Peer, number: number, nowUs: InstantUs): void {
    const untilUs = this.runningUs(nowUs) + this.traits.mplUs;
    this.#remember(peer, number, { answer: null, untilUs }, nowUs);
  }

  #remember(peer: Peer, number: number, entry: RememberedAnswer, nowUs: InstantUs): void {
    if (this.traits.lossless) return;
    this.answers.remember(peer.requests, number, entry);
    if (peer.remembers) return;
    peer.remembers = true;
    peer.uses += 1;
    this.timers.add(nowUs + this.traits.mplUs, { kind: 'forget-answers', peer });
  }

  /** All at once every MPL: a wake-up for each would cost more than its room. */
  forgetAnswers(peer: Peer, nowUs: InstantUs): void {
    if (this.answers.sweep(peer.requests, this.runningUs(nowUs))) {
      this.timers.add(nowUs + this.traits.mplUs, { kind: 'forget-answers', peer });
      return;
    }
    peer.remembers = false;
    this.dropPeer(peer);
  }

  /** A suspended host may have copies of a request waiting: its sleep is no age of theirs. */
  //= R-FA-07
  runningUs(nowUs: InstantUs): InstantUs {
    return nowUs - this.stats.stalledUs;
  }

  /** Nothing of this flow travels any more: its EID rests, its exchange is over. */
  retire(flow: FaFlow, errno: number, nowUs: InstantUs): void {
    this.settle(flow, nowUs);
    if (flow.sEid === 0) return;
    const wasEmpty = this.eids.resting === 0;
    this.eids.retire(flow.sEid, errno, nowUs);
    if (wasEmpty) this.expireEids(nowUs);
  }

  /** Lets EIDs go in batches: a wake-up for each would cost more than their room. */
  expireEids(nowUs: InstantUs): void {
    this.eids.expire(nowUs);
    const nextUs = this.eids.nextExpiryUs();
    if (nextUs === null) return;
    const atUs = nextUs + Math.floor(this.traits.quarantineUs / 16);
    this.timers.add(atUs, { kind: 'resting-eids' });
  }

  close(flow: FaFlow, errno: number, nowUs: InstantUs): void {
    this.retire(flow, errno, nowUs);
    if (flow.incoming !== 0) this.incoming.delete(flow.incoming);
    if (flow.flow !== 0 && this.flows.delete(flow.flow)) this.out.push({ t: 'unbind', flow: flow.flow });
    this.dropPeer(flow.peer);
  }

  /** Tells the peer that our half is gone: at once, and again after one and four round trips. */
  farewell(flow: FaFlow, errno: number, nowUs: InstantUs): void {
    if (flow.state === 'requesting') {
      this.repeat(flow.peer, { t: 'cancel', id: flow.pending!.id, sEid: flow.sEid }, nowUs);
    } else if (flow.state === 'allocated' || flow.state === 'unconfirmed') {
      this.repeat(flow.peer, { t: 'down', sEid: flow.sEid, rEid: flow.rEid, errno }, nowUs);
    }
  }

  /** The peer's half is gone: the application is told after its data. */
  endByPeer(flow: FaFlow, event: 'peerEnd' | 'peerGone' | 'timeout', errno: number, nowUs: InstantUs): void {
    if (nextFaState(flow.state, event) === null) return;
    if (event !== 'peerEnd') {
      this.stats.peersGone += 1;
      this.farewell(flow, PEER_GONE, nowUs);
    }
    this.leaveLiveness(flow);
    this.step(flow, event);
    this.retire(flow, errno, nowUs);
    this.out.push({ t: 'ended', flow: flow.flow, errno });
  }

  leaveLiveness(flow: FaFlow): void {
    unwatch(flow.peer, flow);
    if (flow.state === 'allocated') toggleDigest(flow.peer, flow);
  }

  watch(flow: FaFlow, nowUs: InstantUs): void {
    const { peer } = flow;
    watch(peer, flow, nowUs);
    if (this.traits.lossless) return;
    const atUs = firstAliveUs(flow, nowUs);
    if (peer.timer === null || peer.timer.atUs > atUs) this.armPeer(peer, atUs);
  }

  armPeer(peer: Peer, atUs: InstantUs): void {
    this.timers.cancel(peer.timer);
    peer.timer = this.timers.add(atUs, { kind: 'peer', peer });
  }

  bind(flow: FaFlow, qos: QosSpec): void {
    const { flow: id, sEid, rEid } = flow;
    this.out.push({ t: 'bind', flow: id, peer: flow.peer.address, qos, sEid, rEid });
  }

  /** Our flow between these EIDs with this peer, if it lives. */
  ownFlow(from: PeerAddress, pair: EidPair): FaFlow | null {
    const flow = this.eids.get(pair.rEid);
    if (flow === undefined || flow.rEid !== pair.sEid || flow.peer.address !== from) return null;
    return flow.state === 'allocated' || flow.state === 'unconfirmed' ? flow : null;
  }

  /** The requester knows of the flow. */
  confirmed(flow: FaFlow, nowUs: InstantUs): void {
    this.step(flow, 'heard');
    this.settle(flow, nowUs);
    toggleDigest(flow.peer, flow);
  }
}

const NO_FLOWS = new Uint32Array(16);

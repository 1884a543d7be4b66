import type { FlowId } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { FaTableSizes, PeerView } from './allocator.ts';
import { AllocatorTurn } from './allocator-turn.ts';
import { FaContext, PEER_GONE } from './fa-context.ts';
import {
  accept,
  cancelled,
  onAnswer,
  onConfirm,
  refuse,
  repeatExchange,
  request,
  requested,
  restarted,
} from './fa-exchange.ts';
import type { FaTimer, PeerAddress } from './fa-flow.ts';
import { onAlive, onProbe, onVerdict, watchPeer } from './fa-liveness.ts';
import type { FaInput, FaStats, FlowAllocatorOptions } from './fa-messages.ts';
import type { FaPdu } from './fa-pdu.ts';
import { decodeFaPdu } from './fa-pdu.ts';
import { nextFaState } from './fa-states.ts';
import { creditStall, noteEpoch, noteHeard } from './liveness.ts';

/** The flow allocator of one IPCP, in our own PDUs. Keepalives are told to peers, not to flows. */
export class FlowAllocator extends AllocatorTurn<FaTimer> {
  override readonly kind = 'fa';
  readonly #fa: FaContext;

  constructor(options: FlowAllocatorOptions) {
    const fa = new FaContext(options);
    super(fa);
    this.#fa = fa;
  }

  override counters(): Readonly<Record<string, number>> {
    return { ...this.#fa.stats };
  }

  override viewOf(id: FlowId, nowUs: InstantUs): PeerView | null {
    const peer = this.#fa.flows.get(id)?.peer;
    if (peer === undefined) return null;
    const { address, srttUs, lastHeardUs } = peer;
    return { peer: address, rttUs: srttUs === 0 ? null : srttUs, heardUs: Math.max(0, nowUs - lastHeardUs) };
  }

  get stats(): Readonly<FaStats> {
    return this.#fa.stats;
  }

  override inspect(): FaTableSizes {
    const { flows, incoming, eids, answers, peers, timers } = this.#fa;
    return {
      flows: flows.size,
      incoming: incoming.size,
      eids: eids.inUse,
      resting: eids.resting,
      answers: answers.size,
      peers: peers.size,
      timers: timers.size,
    };
  }

  protected override take(input: FaInput, nowUs: InstantUs): void {
    switch (input.t) {
      case 'request':
        request(this.#fa, input, nowUs);
        break;
      case 'accept':
        accept(this.#fa, input, nowUs);
        break;
      case 'refuse':
        refuse(this.#fa, input.incoming, input.code, nowUs);
        break;
      case 'local-end':
        this.#localEnd(input.flow, input.errno, nowUs);
        break;
      case 'release':
        this.#release(input.flow, nowUs);
        break;
      case 'pdu':
        this.#receive(input.peer, input.pdu, nowUs);
        break;
    }
  }

  override noteData(sEid: number, nowUs: InstantUs): FlowId {
    const flow = this.#fa.eids.get(sEid);
    if (flow === undefined) return 0;
    noteHeard(flow.peer, nowUs);
    if (flow.state === 'unconfirmed') this.#fa.confirmed(flow, nowUs);
    return flow.flow;
  }

  /** What is sent for a flow is no life sign: keepalives are for all flows with a peer. */
  override noteSent(): void {}

  override noteStall(stallUs: DurationUs, nowUs: InstantUs): void {
    this.#fa.stats.stalledUs += stallUs;
    for (const peer of this.#fa.peers.values()) creditStall(peer, stallUs, nowUs);
  }

  /** The EID of a flow of ours, 0 when there is none. */
  eidOf(flow: FlowId): number {
    return this.#fa.flows.get(flow)?.sEid ?? 0;
  }

  #localEnd(id: FlowId, errno: number, nowUs: InstantUs): void {
    const flow = this.#fa.flows.get(id);
    if (flow === undefined || nextFaState(flow.state, 'localEnd') === null) return;
    this.#fa.farewell(flow, errno, nowUs);
    const wasRequesting = flow.state === 'requesting';
    this.#fa.leaveLiveness(flow);
    this.#fa.step(flow, 'localEnd');
    if (wasRequesting) this.#fa.close(flow, errno, nowUs);
    else this.#fa.retire(flow, errno, nowUs);
  }

  #release(id: FlowId, nowUs: InstantUs): void {
    const flow = this.#fa.flows.get(id);
    if (flow !== undefined) {
      if (flow.state !== 'finished') this.#fa.farewell(flow, PEER_GONE, nowUs);
      this.#fa.leaveLiveness(flow);
      this.#fa.step(flow, 'release');
      this.#fa.close(flow, PEER_GONE, nowUs);
    }
    this.#fa.tell({ t: 'ipcp-released', flow: id });
  }

  #receive(from: PeerAddress, bytes: Uint8Array, nowUs: InstantUs): void {
    this.#fa.stats.pdusReceived += 1;
    const pdu = decodeFaPdu(bytes);
    if (pdu === null) {
      this.#fa.stats.pdusMalformed += 1;
      return;
    }
    const peer = this.#fa.peers.get(from);
    if (peer !== undefined) {
      const epoch = noteEpoch(peer, pdu.epoch);
      if (epoch === 'late') {
        this.#fa.stats.pdusLate += 1;
        return;
      }
      if (epoch === 'restarted') restarted(this.#fa, peer, nowUs);
      noteHeard(peer, nowUs);
    }
    this.#dispatch(from, pdu, nowUs);
    const met = this.#fa.peers.get(from);
    if (met?.epoch === null) noteEpoch(met, pdu.epoch);
  }

  #dispatch(from: PeerAddress, pdu: FaPdu, nowUs: InstantUs): void {
    switch (pdu.t) {
      case 'request':
        requested(this.#fa, from, pdu, nowUs);
        return;
      case 'answer':
        onAnswer(this.#fa, from, pdu, nowUs);
        return;
      case 'cancel':
        cancelled(this.#fa, from, pdu.id, nowUs);
        return;
      case 'confirm':
        onConfirm(this.#fa, from, pdu, nowUs);
        return;
      case 'down': {
        const flow = this.#fa.ownFlow(from, pdu);
        if (flow !== null) this.#fa.endByPeer(flow, 'peerEnd', pdu.errno, nowUs);
        return;
      }
      case 'alive':
        onAlive(this.#fa, from, pdu, nowUs);
        return;
      case 'probe':
        onProbe(this.#fa, from, pdu.flows, nowUs);
        return;
      case 'verdict':
        onVerdict(this.#fa, from, pdu.flows, nowUs);
        return;
    }
  }

  protected override fire(timer: FaTimer, nowUs: InstantUs): void {
    switch (timer.kind) {
      case 'exchange':
        repeatExchange(this.#fa, timer.flow, nowUs);
        return;
      case 'repeat':
        this.#fa.sendBytes(timer.peer, timer.pdu);
        return;
      case 'forget-answers':
        this.#fa.forgetAnswers(timer.peer, nowUs);
        return;
      case 'resting-eids':
        this.#fa.expireEids(nowUs);
        return;
      case 'peer':
        watchPeer(this.#fa, timer.peer, nowUs);
        return;
    }
  }
}

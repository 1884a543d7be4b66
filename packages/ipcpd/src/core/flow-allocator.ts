import type { FlowId } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { FaTableSizes, PeerView } from './allocator.ts';
import type { AllocatorSteps } from './allocator-turn.ts';
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
import type { FlowAllocatorOptions } from './fa-messages.ts';
import type { FaPdu } from './fa-pdu.ts';
import { decodeFaPdu } from './fa-pdu.ts';
import { nextFaState } from './fa-states.ts';
import { creditStall, noteEpoch, noteHeard } from './liveness.ts';

const STEPS: AllocatorSteps<FaContext> = { request, accept, refuse, localEnd, release, receive };

/** The flow allocator of one IPCP, in our own PDUs. Keepalives are told to peers, not to flows. */
export class FlowAllocator extends AllocatorTurn<FaTimer, FaContext> {
  override readonly kind = 'fa';

  constructor(options: FlowAllocatorOptions) {
    super(new FaContext(options), STEPS);
  }

  override viewOf(id: FlowId, nowUs: InstantUs): PeerView | null {
    const peer = this.fa.flows.get(id)?.peer;
    if (peer === undefined) return null;
    const { address, srttUs, lastHeardUs } = peer;
    return { peer: address, rttUs: srttUs === 0 ? null : srttUs, heardUs: Math.max(0, nowUs - lastHeardUs) };
  }

  override inspect(): FaTableSizes {
    const { flows, incoming, eids, answers, peers, timers } = this.fa;
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

  override noteData(sEid: number, nowUs: InstantUs): FlowId {
    const flow = this.fa.eids.get(sEid);
    if (flow === undefined) return 0;
    noteHeard(flow.peer, nowUs);
    if (flow.state === 'unconfirmed') this.fa.confirmed(flow, nowUs);
    return flow.flow;
  }

  /** What is sent for a flow is no life sign: keepalives are for all flows with a peer. */
  override noteSent(): void {}

  override noteStall(stallUs: DurationUs, nowUs: InstantUs): void {
    this.fa.stats.stalledUs += stallUs;
    for (const peer of this.fa.peers.values()) creditStall(peer, stallUs, nowUs);
  }

  protected override fire(timer: FaTimer, nowUs: InstantUs): void {
    switch (timer.kind) {
      case 'exchange':
        repeatExchange(this.fa, timer.flow, nowUs);
        return;
      case 'repeat':
        this.fa.sendBytes(timer.peer, timer.pdu);
        return;
      case 'forget-answers':
        this.fa.forgetAnswers(timer.peer, nowUs);
        return;
      case 'resting-eids':
        this.fa.expireEids(nowUs);
        return;
      case 'peer':
        watchPeer(this.fa, timer.peer, nowUs);
        return;
    }
  }
}

function localEnd(fa: FaContext, id: FlowId, errno: number, nowUs: InstantUs): void {
  const flow = fa.flows.get(id);
  if (flow === undefined || nextFaState(flow.state, 'localEnd') === null) return;
  fa.farewell(flow, errno, nowUs);
  const wasRequesting = flow.state === 'requesting';
  fa.leaveLiveness(flow);
  fa.step(flow, 'localEnd');
  if (wasRequesting) fa.close(flow, errno, nowUs);
  else fa.retire(flow, errno, nowUs);
}

function release(fa: FaContext, id: FlowId, nowUs: InstantUs): void {
  const flow = fa.flows.get(id);
  if (flow !== undefined) {
    if (flow.state !== 'finished') fa.farewell(flow, PEER_GONE, nowUs);
    fa.leaveLiveness(flow);
    fa.step(flow, 'release');
    fa.close(flow, PEER_GONE, nowUs);
  }
  fa.tell({ t: 'ipcp-released', flow: id });
}

function receive(fa: FaContext, from: PeerAddress, bytes: Uint8Array, nowUs: InstantUs): void {
  fa.stats.pdusReceived += 1;
  const pdu = decodeFaPdu(bytes);
  if (pdu === null) {
    fa.stats.pdusMalformed += 1;
    return;
  }
  const peer = fa.peers.get(from);
  if (peer !== undefined) {
    const epoch = noteEpoch(peer, pdu.epoch, fa.runningUs(nowUs), fa.traits.mplUs);
    if (epoch === 'late') {
      fa.stats.pdusLate += 1;
      return;
    }
    if (epoch === 'restarted') restarted(fa, peer, nowUs);
    noteHeard(peer, nowUs);
  }
  dispatch(fa, from, pdu, nowUs);
  const met = fa.peers.get(from);
  if (met?.epoch === null) met.epoch = pdu.epoch;
}

function dispatch(fa: FaContext, from: PeerAddress, pdu: FaPdu, nowUs: InstantUs): void {
  switch (pdu.t) {
    case 'request':
      requested(fa, from, pdu, nowUs);
      return;
    case 'answer':
      onAnswer(fa, from, pdu, nowUs);
      return;
    case 'cancel':
      cancelled(fa, from, pdu.id, nowUs);
      return;
    case 'confirm':
      onConfirm(fa, from, pdu, nowUs);
      return;
    case 'down': {
      const flow = fa.ownFlow(from, pdu);
      if (flow !== null) fa.endByPeer(flow, 'peerEnd', pdu.errno, nowUs);
      return;
    }
    case 'alive':
      onAlive(fa, from, pdu, nowUs);
      return;
    case 'probe':
      onProbe(fa, from, pdu.flows, nowUs);
      return;
    case 'verdict':
      onVerdict(fa, from, pdu.flows, nowUs);
      return;
  }
}

import type { FlowId } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { FaTableSizes, PeerView } from '../allocator.ts';
import type { AllocatorSteps } from '../allocator-turn.ts';
import { AllocatorTurn } from '../allocator-turn.ts';
import type { PeerAddress } from '../fa-flow.ts';
import { nextFaState } from '../fa-states.ts';
import { decodeFrame } from './management-frame.ts';
import type { O7sAllocatorOptions } from './o7s-context.ts';
import { O7sContext, PEER_GONE } from './o7s-context.ts';
import type { O7sFlow, O7sTimer } from './o7s-flow.ts';
import { lookAtFlow, noteHeard } from './o7s-liveness.ts';
import { lookAtRequest, onReply, request } from './o7s-requester.ts';
import { accept, expireSeen, offerTimedOut, onRequest, refuse } from './o7s-responder.ts';

const STEPS: AllocatorSteps<O7sContext> = { request, accept, refuse, localEnd, release, receive };

/**
 * The flow allocator of an `o7s-udp` layer, in the frames of the C prototype. What it sends are whole datagrams, endpoint
 * id included; a `pdu` it is given is a whole datagram with endpoint id 0.
 */
export class O7sAllocator extends AllocatorTurn<O7sTimer, O7sContext> {
  override readonly kind = 'o7s';

  constructor(options: O7sAllocatorOptions) {
    super(new O7sContext(options), STEPS);
  }

  override viewOf(id: FlowId, nowUs: InstantUs): PeerView | null {
    const flow = this.fa.flows.get(id);
    if (flow === undefined) return null;
    return { peer: flow.peer, rttUs: null, heardUs: Math.max(0, nowUs - flow.lastHeardUs) };
  }

  override inspect(): FaTableSizes {
    const { flows, incoming, eids, seen, timers } = this.fa;
    return {
      flows: flows.size,
      incoming: incoming.size,
      eids: eids.inUse,
      resting: eids.resting,
      answers: seen.size,
      peers: 0,
      timers: timers.size,
    };
  }

  /**
   * A packet, empty or not, came in for our EID `sEid`. Returns its flow's id; 0: drop it. It may be the flow of a
   * request whose reply is still under way (no `bind` yet): keep the packet, bounded, until `bind` names this EID.
   */
  //= R-OUDP-37
  override noteData(sEid: number, nowUs: InstantUs, from?: PeerAddress): FlowId {
    const flow = this.fa.eids.get(sEid)?.flow;
    if (flow === undefined) return 0;
    if (from !== undefined && from !== flow.peer) {
      this.fa.stats.packetsFromStrangers += 1;
      return 0;
    }
    noteHeard(this.fa, flow, nowUs);
    return flow.flow;
  }

  /** A packet of the flow with our EID `sEid` was sent: no keepalive is due for a while. */
  override noteSent(sEid: number, nowUs: InstantUs): void {
    const flow = this.fa.eids.get(sEid)?.flow;
    if (flow !== undefined) flow.lastSentUs = nowUs;
  }

  override noteStall(stallUs: DurationUs, nowUs: InstantUs): void {
    this.fa.stats.stalledUs += stallUs;
    this.fa.stalledAtUs = nowUs;
  }

  protected override fire(timer: O7sTimer, nowUs: InstantUs): void {
    switch (timer.kind) {
      case 'flow':
        this.#look(timer.flow, nowUs);
        return;
      case 'resting-eids':
        this.fa.expireEids(nowUs);
        return;
      case 'seen-requests':
        expireSeen(this.fa, nowUs);
        return;
    }
  }

  #look(flow: O7sFlow, nowUs: InstantUs): void {
    if (flow.asked !== null) lookAtRequest(this.fa, flow, nowUs);
    else if (flow.offered !== null) offerTimedOut(this.fa, flow, nowUs);
    else lookAtFlow(this.fa, flow, nowUs);
  }
}

/** Nothing on the wire says so: the peer learns it by our silence. */
//= R-OUDP-41
function localEnd(fa: O7sContext, id: FlowId, errno: number, nowUs: InstantUs): void {
  const flow = fa.flows.get(id);
  if (flow === undefined || nextFaState(flow.state, 'localEnd') === null) return;
  const wasRequesting = flow.state === 'requesting';
  fa.step(flow, 'localEnd');
  if (wasRequesting) fa.close(flow, errno, nowUs);
  else fa.silence(flow, errno, nowUs);
}

function release(fa: O7sContext, id: FlowId, nowUs: InstantUs): void {
  const flow = fa.flows.get(id);
  if (flow !== undefined) {
    fa.step(flow, 'release');
    fa.close(flow, PEER_GONE, nowUs);
  }
  fa.tell({ t: 'ipcp-released', flow: id });
}

function receive(fa: O7sContext, from: string, bytes: Uint8Array, nowUs: InstantUs): void {
  fa.stats.framesReceived += 1;
  const frame = decodeFrame(bytes);
  if (typeof frame === 'string') fa.stats.framesMalformed += 1;
  else if (frame.t === 'request') onRequest(fa, from, frame, nowUs);
  else onReply(fa, from, frame, nowUs);
}

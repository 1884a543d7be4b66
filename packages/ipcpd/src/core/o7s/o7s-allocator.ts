import type { FlowId } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { FaTableSizes, PeerView } from '../allocator.ts';
import { AllocatorTurn } from '../allocator-turn.ts';
import type { PeerAddress } from '../fa-flow.ts';
import type { FaInput } from '../fa-messages.ts';
import { nextFaState } from '../fa-states.ts';
import { decodeFrame } from './management-frame.ts';
import type { O7sAllocatorOptions, O7sStats } from './o7s-context.ts';
import { O7sContext, PEER_GONE } from './o7s-context.ts';
import type { O7sFlow, O7sTimer } from './o7s-flow.ts';
import { lookAtFlow, noteHeard } from './o7s-liveness.ts';
import { lookAtRequest, onReply, request } from './o7s-requester.ts';
import { accept, expireSeen, offerTimedOut, onRequest, refuse } from './o7s-responder.ts';

/**
 * The flow allocator of an `o7s-udp` layer, in the frames of the C prototype. What it sends are whole datagrams, endpoint id included; a `pdu` it is given is a whole datagram with
 * endpoint id 0.
 */
export class O7sAllocator extends AllocatorTurn<O7sTimer> {
  override readonly kind = 'o7s';
  readonly #fa: O7sContext;

  constructor(options: O7sAllocatorOptions) {
    const fa = new O7sContext(options);
    super(fa);
    this.#fa = fa;
  }

  override counters(): Readonly<Record<string, number>> {
    return { ...this.#fa.stats };
  }

  override viewOf(id: FlowId, nowUs: InstantUs): PeerView | null {
    const flow = this.#fa.flows.get(id);
    if (flow === undefined) return null;
    return { peer: flow.peer, rttUs: null, heardUs: Math.max(0, nowUs - flow.lastHeardUs) };
  }

  get stats(): Readonly<O7sStats> {
    return this.#fa.stats;
  }

  override inspect(): FaTableSizes {
    const { flows, incoming, eids, seen, timers } = this.#fa;
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

  /**
   * A packet, empty or not, came in for our EID `sEid`. Returns its flow's id; 0: drop it. It may be the flow of a
   * request whose reply is still under way (no `bind` yet): keep the packet, bounded, until `bind` names this EID.
   */
  //= R-OUDP-37
  override noteData(sEid: number, nowUs: InstantUs, from?: PeerAddress): FlowId {
    const flow = this.#fa.eids.get(sEid)?.flow;
    if (flow === undefined) return 0;
    if (from !== undefined && from !== flow.peer) {
      this.#fa.stats.packetsFromStrangers += 1;
      return 0;
    }
    noteHeard(this.#fa, flow, nowUs);
    return flow.flow;
  }

  /** A packet of the flow with our EID `sEid` was sent: no keepalive is due for a while. */
  override noteSent(sEid: number, nowUs: InstantUs): void {
    const flow = this.#fa.eids.get(sEid)?.flow;
    if (flow !== undefined) flow.lastSentUs = nowUs;
  }

  override noteStall(stallUs: DurationUs, nowUs: InstantUs): void {
    this.#fa.stats.stalledUs += stallUs;
    this.#fa.stalledAtUs = nowUs;
  }

  /** The EID of a flow of ours, 0 when there is none. */
  eidOf(flow: FlowId): number {
    return this.#fa.flows.get(flow)?.sEid ?? 0;
  }

  /** Nothing on the wire says so: the peer learns it by our silence. */
  //= R-OUDP-41
  #localEnd(id: FlowId, errno: number, nowUs: InstantUs): void {
    const flow = this.#fa.flows.get(id);
    if (flow === undefined || nextFaState(flow.state, 'localEnd') === null) return;
    const wasRequesting = flow.state === 'requesting';
    this.#fa.step(flow, 'localEnd');
    if (wasRequesting) this.#fa.close(flow, errno, nowUs);
    else this.#fa.silence(flow, errno, nowUs);
  }

  #release(id: FlowId, nowUs: InstantUs): void {
    const flow = this.#fa.flows.get(id);
    if (flow !== undefined) {
      this.#fa.step(flow, 'release');
      this.#fa.close(flow, PEER_GONE, nowUs);
    }
    this.#fa.tell({ t: 'ipcp-released', flow: id });
  }

  #receive(from: string, bytes: Uint8Array, nowUs: InstantUs): void {
    this.#fa.stats.framesReceived += 1;
    const frame = decodeFrame(bytes);
    if (typeof frame === 'string') this.#fa.stats.framesMalformed += 1;
    else if (frame.t === 'request') onRequest(this.#fa, from, frame, nowUs);
    else onReply(this.#fa, from, frame, nowUs);
  }

  protected override fire(timer: O7sTimer, nowUs: InstantUs): void {
    switch (timer.kind) {
      case 'flow':
        this.#look(timer.flow, nowUs);
        return;
      case 'resting-eids':
        this.#fa.expireEids(nowUs);
        return;
      case 'seen-requests':
        expireSeen(this.#fa, nowUs);
        return;
    }
  }

  #look(flow: O7sFlow, nowUs: InstantUs): void {
    if (flow.asked !== null) lookAtRequest(this.#fa, flow, nowUs);
    else if (flow.offered !== null) offerTimedOut(this.#fa, flow, nowUs);
    else lookAtFlow(this.#fa, flow, nowUs);
  }
}

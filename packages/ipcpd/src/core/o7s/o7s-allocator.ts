import type { FlowId } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { PeerAddress } from '../fa-flow.ts';
import type { FaInput, FaOutput } from '../fa-messages.ts';
import { nextFaState } from '../fa-states.ts';
import type { FaTableSizes } from '../flow-allocator.ts';
import { STALL_MIN_US } from '../liveness.ts';
import { decodeFrame } from './management-frame.ts';
import type { O7sAllocatorOptions, O7sStats } from './o7s-context.ts';
import { O7sContext, PEER_GONE } from './o7s-context.ts';
import type { O7sFlow, O7sTimer } from './o7s-flow.ts';
import { lookAtFlow, noteHeard } from './o7s-liveness.ts';
import { lookAtRequest, onReply, request } from './o7s-requester.ts';
import { accept, expireSeen, offerTimedOut, onRequest, refuse } from './o7s-responder.ts';

/**
 * The flow allocator of an `o7s-udp` layer: the inputs, outputs and calls of {@link FlowAllocator}, the frames of the
 * C prototype. What it sends are whole datagrams, endpoint id included; a `pdu` it is given is a whole datagram with
 * endpoint id 0. Pure, and time never decreases.
 */
export class O7sAllocator {
  readonly #fa: O7sContext;
  #expectedUs: InstantUs | null = null;
  /** Up to here our own stalls are credited. */
  #creditedUs: InstantUs = 0;

  constructor(options: O7sAllocatorOptions) {
    this.#fa = new O7sContext(options);
  }

  get stats(): Readonly<O7sStats> {
    return this.#fa.stats;
  }

  inspect(): FaTableSizes {
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

  /** One input; returns what to do, in order. An input that makes no sense in the present state does nothing. */
  handle(input: FaInput, nowUs: InstantUs): FaOutput[] {
    this.#creditOwnStall(nowUs);
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
    return this.#leave();
  }

  /** Does what is due. A call before its time does nothing. */
  handleTimeout(nowUs: InstantUs): FaOutput[] {
    this.#creditOwnStall(nowUs);
    for (let due = this.#fa.timers.takeDue(nowUs); due !== null; due = this.#fa.timers.takeDue(nowUs)) {
      this.#fire(due, nowUs);
    }
    return this.#leave();
  }

  /** When `handleTimeout` is wanted, or `null`. */
  nextTimeout(): InstantUs | null {
    return this.#fa.timers.nextAt();
  }

  /**
   * A packet, empty or not, came in for our EID `sEid`. Returns its flow's id; 0: drop it. It may be the flow of a
   * request whose reply is still under way (no `bind` yet): keep the packet, bounded, until `bind` names this EID.
   */
  //= R-OUDP-37
  noteData(sEid: number, nowUs: InstantUs, from?: PeerAddress): FlowId {
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
  noteSent(sEid: number, nowUs: InstantUs): void {
    const flow = this.#fa.eids.get(sEid)?.flow;
    if (flow !== undefined) flow.lastSentUs = nowUs;
  }

  /** The driver knows of a stall that `nextTimeout` could not show (a suspended host). */
  noteStall(stallUs: DurationUs, nowUs: InstantUs): void {
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

  #fire(timer: O7sTimer, nowUs: InstantUs): void {
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

  /** From the overdue deadline to now we stood still; the packets that waited credit that time once. */
  #creditOwnStall(nowUs: InstantUs): void {
    const expectedUs = this.#expectedUs;
    this.#expectedUs = null;
    if (expectedUs === null) return;
    const stallUs = nowUs - Math.max(expectedUs, this.#creditedUs);
    if (stallUs <= STALL_MIN_US) return;
    this.#creditedUs = nowUs;
    this.noteStall(stallUs, nowUs);
  }

  #leave(): FaOutput[] {
    this.#expectedUs = this.#fa.timers.nextAt();
    const out = this.#fa.out;
    this.#fa.out = [];
    return out;
  }
}

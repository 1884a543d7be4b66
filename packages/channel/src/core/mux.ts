import type { FlowId } from '@flowring/common';
import { LIMITS, errnoOf } from '@flowring/common';
import type { AttachOptions, FlowPort, FlowReceiver, SendOutcome } from '../channel.ts';
import { newChannelStats } from '../channel.ts';
import { FLAG, Flow } from './flow.ts';
import { Inbox } from './inbox.ts';
import type { Link, Slab } from './link.ts';
import {
  HEADER_BYTES,
  MESSAGE_OVERHEAD_BYTES,
  NUMBER_RECORD_BYTES,
  RECORD,
  TYPE_SHIFT,
  recordBytes,
} from './record.ts';

/** Asks the driver for a turn soon: it calls `mux.startTurn()`. */
export type RequestTurn = () => void;

/**
 * The flows of one channel over one link: sends records with credit, parses what came, holds what is early.
 * Receivers are called only from `startTurn`, `receive`, `roomMade` and `goDown`, which are the driver's.
 */
export class Mux {
  readonly link: Link;
  readonly recordMaxBytes: number;
  readonly stats = newChannelStats();
  /** Flows attached or with early messages. */
  readonly flows = new Map<FlowId, Flow>();
  attached = 0;
  /** Errno flows end with once the channel is down; -1 while it is not. */
  downErrno = -1;
  readonly #inbox: Inbox;
  /** Flows with a credit or end record that found no room; they go first. */
  readonly #controlDue = new Set<Flow>();
  /** Flows with the rest of a large message, one piece each in turn. */
  readonly #outgoing = new Set<Flow>();
  /** Flows refused for want of room, in the order they asked. */
  readonly #roomWaiters = new Set<Flow>();
  #outgoingBytes = 0;
  #notifying = false;
  /** Nothing is sent or delivered by the link any more. */
  isStopped = false;

  constructor(link: Link, requestTurn: RequestTurn) {
    this.link = link;
    this.recordMaxBytes = Math.min(link.recordMaxBytes, LIMITS.sduMaxBytes);
    this.#inbox = new Inbox(this, requestTurn);
  }

  attach(id: FlowId, receiver: FlowReceiver, options?: AttachOptions): FlowPort {
    const known = this.flows.get(id);
    if (known !== undefined && known.receiver !== null) known.detach();
    const flow = this.flows.get(id) ?? new Flow(this, id);
    if (this.isStopped) flow.flags |= FLAG.ended;
    flow.receiver = receiver;
    if (receiver.tellsUse === true) flow.flags |= FLAG.tellsUse;
    if (receiver.onMessageRun !== undefined) flow.flags |= FLAG.takesRuns;
    flow.windowBytes = options?.windowBytes ?? LIMITS.flowWindowBytes;
    flow.sendCredit = flow.windowBytes;
    this.flows.set(id, flow);
    this.attached++;
    this.#inbox.attached(flow);
    return flow;
  }

  discard(id: FlowId): void {
    const flow = this.flows.get(id);
    if (flow !== undefined && flow.receiver !== null) return;
    this.#inbox.forget(id, flow);
    this.flows.delete(id);
  }

  /** Begins a turn: delivers what was held for flows attached since. */
  startTurn(): void {
    this.#inbox.deliverHeld();
  }

  /** Takes the whole records in a piece of a slab. False: the peer broke the rules; the driver takes the channel down. */
  receive(slab: Slab, start: number, end: number): boolean {
    return this.#inbox.receive(slab, start, end);
  }

  /** Whether anything waits for room in the link. */
  get wantsRoom(): boolean {
    return this.#roomWaiters.size !== 0 || this.hasBacklog;
  }

  /** Whether accepted messages or records of ours are not in the link yet. */
  get hasBacklog(): boolean {
    return this.#outgoing.size !== 0 || this.#controlDue.size !== 0;
  }

  /** Room may have been made in the link: what waits goes out, then those refused may try again, in their order. */
  roomMade(): void {
    if (this.isStopped || !this.#flushControl() || !this.#flushOutgoing()) return;
    this.#notifying = true;
    for (const flow of [...this.#roomWaiters]) {
      // Room for the largest record, so that none who is told fails for size and loses its place.
      if (this.isStopped || this.link.reserve(recordBytes(this.recordMaxBytes)) < 0) break;
      if (this.#roomWaiters.delete(flow)) flow.receiver!.onWritable();
    }
    this.#notifying = false;
  }

  /** Ends every attached flow that has not ended, and every one attached later. Held messages stay deliverable. */
  goDown(errno: number): void {
    if (this.downErrno >= 0) return;
    this.stopSending();
    this.downErrno = errno;
    this.#controlDue.clear();
    this.#outgoing.clear();
    this.#roomWaiters.clear();
    this.#inbox.deliverHeld();
    for (const flow of [...this.flows.values()]) {
      if (flow.receiver !== null) this.#inbox.endByPeer(flow, errno);
    }
  }

  /** Makes every send answer `closed` and touches the link no more; `goDown` then tells the receivers. */
  stopSending(): void {
    this.isStopped = true;
    for (const flow of this.flows.values()) flow.flags |= FLAG.ended;
  }

  /** Room for one record of a flow, or -1 and the flow waits behind those that wait already. */
  reserve(flow: Flow, bytes: number): number {
    if (this.#mayWrite(flow)) {
      const at = this.link.reserve(bytes);
      if (at >= 0) return at;
    }
    this.#roomWaiters.add(flow);
    return -1;
  }

  /** Whether a message of more than a record can be taken now; if not, the flow waits. */
  mayStartLarge(flow: Flow, bytes: number): boolean {
    const fits = this.#outgoingBytes + bytes <= LIMITS.channelOutgoingMaxBytes;
    if (fits && this.#mayWrite(flow) && this.link.reserve(recordBytes(this.recordMaxBytes)) >= 0) return true;
    this.#roomWaiters.add(flow);
    return false;
  }

  /** Sends a message in pieces: what finds room at once, the rest from a copy as room is made. */
  sendLarge(flow: Flow, message: Uint8Array): SendOutcome {
    if (!this.mayStartLarge(flow, message.length)) return 'would-block';
    this.#writePiece(flow, message, 0);
    flow.sendCredit -= message.length + MESSAGE_OVERHEAD_BYTES;
    this.stats.messagesSent++;
    this.stats.bytesSent += message.length;
    let at = this.recordMaxBytes;
    while (at < message.length && this.#writePiece(flow, message, at)) at += this.recordMaxBytes;
    if (at < message.length) this.#keepRest(flow, Buffer.from(message.subarray(at)));
    return 'sent';
  }

  returnCredit(flow: Flow): void {
    if (this.isStopped) return;
    if (this.#controlDue.size !== 0 || !this.#writeCredit(flow)) this.#controlDue.add(flow);
  }

  /** Sends the end record once everything before it is in the link. */
  sendEnd(flow: Flow): void {
    this.#roomWaiters.delete(flow);
    if (this.isStopped || this.#outgoing.has(flow)) return;
    if (this.#controlDue.size !== 0 || !this.#writeEnd(flow)) this.#controlDue.add(flow);
  }

  forget(flow: Flow): void {
    this.#roomWaiters.delete(flow);
    if (this.flows.get(flow.flow) !== flow) return;
    this.flows.delete(flow.flow);
    this.attached--;
    this.#inbox.forget(flow.flow, flow);
  }

  /** Control records and the rests of large messages go before new messages, and waiters before newcomers. */
  #mayWrite(flow: Flow): boolean {
    if (this.hasBacklog) return false;
    return this.#notifying || this.#roomWaiters.size === 0 || this.#roomWaiters.has(flow);
  }

  #writePiece(flow: Flow, message: Uint8Array, at: number): boolean {
    const length = Math.min(message.length - at, this.recordMaxBytes);
    const type = at + length < message.length ? RECORD.more : RECORD.data;
    const to = this.link.reserve(recordBytes(length));
    if (to < 0) return false;
    this.link.words[to >> 2] = (type << TYPE_SHIFT) | length;
    this.link.words[(to >> 2) + 1] = flow.flow;
    this.link.bytes.set(message.subarray(at, at + length), to + HEADER_BYTES);
    this.link.commit(recordBytes(length));
    return true;
  }

  #keepRest(flow: Flow, rest: Buffer): void {
    const backlog = this.#inbox.backlogOf(flow);
    backlog.outgoing = rest;
    backlog.outgoingAt = 0;
    this.#outgoingBytes += rest.length;
    this.#outgoing.add(flow);
  }

  #flushOutgoing(): boolean {
    while (this.#outgoing.size !== 0) {
      for (const flow of this.#outgoing) {
        if (!this.#flushPiece(flow)) return false;
      }
      if (!this.#flushControl()) return false;
    }
    return true;
  }

  #flushPiece(flow: Flow): boolean {
    const backlog = flow.backlog!;
    const rest = backlog.outgoing!;
    if (!this.#writePiece(flow, rest, backlog.outgoingAt)) return false;
    backlog.outgoingAt += this.recordMaxBytes;
    if (backlog.outgoingAt < rest.length) return true;
    backlog.outgoing = null;
    this.#outgoingBytes -= rest.length;
    this.#outgoing.delete(flow);
    if ((flow.flags & FLAG.endDue) !== 0) this.#controlDue.add(flow);
    return true;
  }

  #flushControl(): boolean {
    for (const flow of this.#controlDue) {
      if (!this.#writeCredit(flow)) return false;
      if (!this.#outgoing.has(flow) && !this.#writeEnd(flow)) return false;
      this.#controlDue.delete(flow);
    }
    return true;
  }

  #writeCredit(flow: Flow): boolean {
    if (flow.owed < flow.windowBytes >> 1 || (flow.flags & (FLAG.peerEnded | FLAG.detached)) !== 0)
      return true;
    if (!this.#writeNumber(RECORD.credit, flow.flow, flow.owed)) return false;
    flow.unreturned -= flow.owed;
    flow.owed = 0;
    return true;
  }

  #writeEnd(flow: Flow): boolean {
    if ((flow.flags & FLAG.endDue) === 0) return true;
    if (!this.#writeNumber(RECORD.end, flow.flow, flow.endErrno)) return false;
    flow.flags &= ~FLAG.endDue;
    return true;
  }

  #writeNumber(type: number, flow: FlowId, value: number): boolean {
    const to = this.link.reserve(NUMBER_RECORD_BYTES);
    if (to < 0) return false;
    const words = this.link.words;
    words[to >> 2] = (type << TYPE_SHIFT) | 8;
    words[(to >> 2) + 1] = flow;
    words[(to >> 2) + 2] = value;
    words[(to >> 2) + 3] = 0;
    this.link.commit(NUMBER_RECORD_BYTES);
    return true;
  }
}

/** Errno of flows whose channel broke. */
export const BROKEN_ERRNO = errnoOf('FLOWRING_CHANNEL');

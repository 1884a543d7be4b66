import type { FlowId } from '@flowring/common';
import { LIMITS, errnoOf } from '@flowring/common';
import type { FlowBacklog } from './flow.ts';
import { FLAG, Flow } from './flow.ts';
import type { SlabUse } from '../channel.ts';
import type { Slab } from './link.ts';
import type { Mux, RequestTurn } from './mux.ts';
import {
  HEADER_BYTES,
  LENGTH_MASK,
  MESSAGE_OVERHEAD_BYTES,
  RECORD,
  TYPE_SHIFT,
  recordBytes,
} from './record.ts';

/** What an early message or an early flow counts beside its bytes. */
const HELD_OVERHEAD_BYTES = 64;
const ERRNO_MASK = 0xffff;

/**
 * The receiving half of a mux. Everything in a record comes from the peer: a broken rule makes `receive` answer
 * false; nothing throws, and what is kept is bounded.
 */
export class Inbox {
  readonly #mux: Mux;
  readonly #requestTurn: RequestTurn;
  /** Flows attached while messages were held for them. */
  #toDeliver: Flow[] = [];
  #heldBytes = 0;
  /** Flows detached here whose peer has not ended them: what comes is dropped. */
  readonly #forgotten = new Set<FlowId>();
  /** The flow of the last record: records come in runs. */
  #last: Flow | null = null;

  constructor(mux: Mux, requestTurn: RequestTurn) {
    this.#mux = mux;
    this.#requestTurn = requestTurn;
  }

  receive(slab: Slab, start: number, end: number): boolean {
    const words = slab.words;
    let at = start;
    while (at < end) {
      const head = words[at >> 2]!;
      const length = head & LENGTH_MASK;
      const body = at + HEADER_BYTES;
      const next = body + ((length + 7) & ~7);
      if (next > end) return false;
      const id = words[(at >> 2) + 1]! >>> 0;
      const type = head >>> TYPE_SHIFT;
      at = next;
      if (type === RECORD.pad) continue;
      const delivered = type === RECORD.data ? this.#deliver(id, slab, body, length, end) : 0;
      if (delivered > 0) at += (delivered - 1) * (next - body + HEADER_BYTES);
      else if (!this.#receiveOther(type, id, slab, body, length)) return false;
      if (this.#mux.isStopped) return true;
    }
    return true;
  }

  /** A flow got its receiver: a turn delivers what was held, or its end if the channel is down. */
  attached(flow: Flow): void {
    this.#forgotten.delete(flow.flow);
    this.#last = null;
    const hasNews = flow.backlog !== null || (flow.flags & (FLAG.peerEnded | FLAG.overflowed)) !== 0;
    if (!hasNews && this.#mux.downErrno < 0) return;
    this.#toDeliver.push(flow);
    this.#requestTurn();
  }

  deliverHeld(): void {
    while (this.#toDeliver.length !== 0) {
      const flows = this.#toDeliver;
      this.#toDeliver = [];
      for (const flow of flows) this.#deliverHeldOf(flow);
    }
  }

  /** Drops what is held for a flow and what still comes for it. */
  forget(id: FlowId, flow: Flow | undefined): void {
    this.#last = null;
    if (flow?.backlog != null) {
      this.#dropHeld(flow.backlog);
    }
    if (flow !== undefined && (flow.flags & FLAG.peerEnded) !== 0) return;
    if (this.#forgotten.size >= LIMITS.channelForgottenFlowsMax) {
      for (const oldest of this.#forgotten) {
        this.#forgotten.delete(oldest);
        break;
      }
    }
    this.#forgotten.add(id);
  }

  endByPeer(flow: Flow, errno: number): void {
    if ((flow.flags & FLAG.peerEnded) !== 0) return;
    flow.flags |= FLAG.peerEnded;
    flow.peerErrno = errno;
    if (flow.backlog !== null) flow.backlog.incoming = null;
    if (flow.receiver !== null && flow.backlog?.held == null) flow.receiver.onEnd(errno);
  }

  backlogOf(flow: Flow): FlowBacklog {
    return (flow.backlog ??= {
      outgoing: null,
      outgoingAt: 0,
      incoming: null,
      incomingBytes: 0,
      held: null,
      heldBytes: 0,
    });
  }

  /**
   * The common case: a whole message of an attached flow, and those like it that follow, if the receiver takes runs. How
   * many; 0: not that.
   */
  #deliver(id: FlowId, slab: Slab, start: number, length: number, end: number): number {
    let flow = this.#last;
    if (flow === null || flow.flow !== id) {
      const found = this.#mux.flows.get(id);
      if (found === undefined) return 0;
      flow = this.#last = found;
    }
    if (flow.backlog !== null || flow.receiver === null || (flow.flags & FLAG.peerEnded) !== 0) return 0;
    if (flow.unreturned >= flow.windowBytes) return 0;
    const count = (flow.flags & FLAG.takesRuns) === 0 ? 1 : runLength(flow, slab.words, start, length, end);
    flow.unreturned += count * (length + MESSAGE_OVERHEAD_BYTES);
    const stats = this.#mux.stats;
    stats.messagesReceived += count;
    stats.bytesReceived += count * length;
    if ((flow.flags & FLAG.tellsUse) === 0) slab.isKept = true;
    if (count === 1) flow.receiver.onMessage(slab.buffer, start, start + length, slab);
    else flow.receiver.onMessageRun!(slab.buffer, start, recordBytes(length), length, count, slab);
    return count;
  }

  #receiveOther(type: number, id: FlowId, slab: Slab, start: number, length: number): boolean {
    if (type === RECORD.data || type === RECORD.more) {
      return this.#receivePiece(type === RECORD.more, id, slab, start, length);
    }
    if (length !== 8) return false;
    const value = slab.words[start >> 2]! >>> 0;
    if (type === RECORD.credit) return this.#receiveCredit(id, value);
    if (type === RECORD.end) return this.#receiveEnd(id, value & ERRNO_MASK);
    return false;
  }

  #receiveCredit(id: FlowId, bytes: number): boolean {
    const flow = this.#mux.flows.get(id);
    // The peer may return credit for a flow that was just detached here.
    if (flow === undefined || flow.receiver === null) return true;
    flow.sendCredit += bytes;
    if (flow.sendCredit > flow.windowBytes) return false;
    if ((flow.flags & FLAG.wantsCredit) !== 0 && flow.sendCredit > 0) {
      flow.flags &= ~FLAG.wantsCredit;
      if ((flow.flags & (FLAG.ended | FLAG.peerEnded)) === 0) flow.receiver.onWritable();
    }
    return true;
  }

  #receiveEnd(id: FlowId, errno: number): boolean {
    if (this.#forgotten.delete(id)) return true;
    const flow = this.#mux.flows.get(id) ?? this.#holdFlow(id);
    if (flow === null) return false;
    this.endByPeer(flow, errno);
    return true;
  }

  #receivePiece(more: boolean, id: FlowId, slab: Slab, start: number, length: number): boolean {
    const flow = this.#mux.flows.get(id) ?? (this.#forgotten.has(id) ? undefined : this.#holdFlow(id));
    if (flow === null) return false;
    if (flow === undefined || (flow.flags & (FLAG.peerEnded | FLAG.overflowed)) !== 0) {
      this.#mux.stats.recordsDropped++;
      return true;
    }
    const attached = flow.receiver !== null;
    if (attached && flow.unreturned >= flow.windowBytes && flow.backlog?.incoming == null) return false;
    const backlog = this.backlogOf(flow);
    const pieces = backlog.incoming === null ? 0 : backlog.incomingBytes;
    if (pieces + length > LIMITS.sduMaxBytes) return false;
    if (!attached && !this.#hold(flow, backlog, length)) return true;
    if (more || pieces !== 0) appendPiece(backlog, slab, start, length);
    if (more) return true;
    this.#completeMessage(flow, backlog, slab, start, length);
    return true;
  }

  #completeMessage(flow: Flow, backlog: FlowBacklog, slab: Slab, start: number, length: number): void {
    const whole = backlog.incoming;
    const total = whole === null ? length : backlog.incomingBytes;
    backlog.incoming = null;
    backlog.incomingBytes = 0;
    flow.unreturned += total + MESSAGE_OVERHEAD_BYTES;
    this.#mux.stats.messagesReceived++;
    this.#mux.stats.bytesReceived += total;
    if (backlog.held !== null || flow.receiver === null) {
      const copy = whole?.subarray(0, total) ?? Buffer.from(slab.buffer.subarray(start, start + length));
      (backlog.held ??= []).push(copy);
      return;
    }
    if (backlog.outgoing === null) flow.backlog = null;
    if (whole !== null) {
      flow.receiver.onMessage(whole, 0, total, newUse());
      return;
    }
    if ((flow.flags & FLAG.tellsUse) === 0) slab.isKept = true;
    flow.receiver.onMessage(slab.buffer, start, start + length, slab);
  }

  /** A flow nobody attached yet. Null: the peer names more flows than can be held. */
  #holdFlow(id: FlowId): Flow | null {
    if (this.#mux.flows.size - this.#mux.attached >= LIMITS.channelEarlyFlowsMax) return null;
    const flow = new Flow(this.#mux, id);
    this.#mux.flows.set(id, flow);
    return flow;
  }

  /** Counts an early piece. Past the bound the flow's messages are dropped and it ends with an error when attached. */
  #hold(flow: Flow, backlog: FlowBacklog, length: number): boolean {
    const bytes = length + HELD_OVERHEAD_BYTES;
    if (this.#heldBytes + bytes <= LIMITS.unattachedMaxBytes) {
      this.#heldBytes += bytes;
      backlog.heldBytes += bytes;
      return true;
    }
    this.#mux.stats.recordsDropped += 1 + (backlog.held?.length ?? 0);
    this.#dropHeld(backlog);
    flow.backlog = null;
    flow.flags |= FLAG.overflowed;
    return false;
  }

  #dropHeld(backlog: FlowBacklog): void {
    this.#heldBytes -= backlog.heldBytes;
    backlog.heldBytes = 0;
    backlog.held = null;
    backlog.incoming = null;
    backlog.incomingBytes = 0;
  }

  #deliverHeldOf(flow: Flow): void {
    if (flow.receiver === null || (flow.flags & FLAG.detached) !== 0) return;
    const backlog = flow.backlog;
    const held = backlog?.held ?? [];
    if (backlog !== null) {
      this.#heldBytes -= backlog.heldBytes;
      backlog.heldBytes = 0;
      backlog.held = null;
      if (backlog.incoming === null && backlog.outgoing === null) flow.backlog = null;
    }
    for (const message of held) {
      flow.receiver.onMessage(message, 0, message.length, newUse());
      if ((flow.flags & FLAG.detached) !== 0) return;
    }
    if ((flow.flags & FLAG.overflowed) !== 0) this.endByPeer(flow, errnoOf('FLOWRING_CHANNEL'));
    else if ((flow.flags & FLAG.peerEnded) !== 0) flow.receiver.onEnd(flow.peerErrno);
    else if (this.#mux.downErrno >= 0) this.endByPeer(flow, this.#mux.downErrno);
  }
}

/** How many records with the same header, the first with its payload at `start`, there are and the credit covers. */
function runLength(flow: Flow, words: Int32Array, start: number, length: number, end: number): number {
  const whole = recordBytes(length);
  const credit = Math.ceil((flow.windowBytes - flow.unreturned) / (length + MESSAGE_OVERHEAD_BYTES));
  const until = Math.min(end, start - HEADER_BYTES + credit * whole);
  let count = 1;
  for (let at = start - HEADER_BYTES + whole; at + whole <= until; at += whole, count++) {
    if (words[at >> 2] !== length || words[(at >> 2) + 1]! >>> 0 !== flow.flow) break;
  }
  return count;
}

/** Of memory that is of one message alone. */
function newUse(): SlabUse {
  return { isKept: false, claims: 0 };
}

/** Pieces are gathered in a buffer that doubles, so that it is never larger than twice what really came. */
function appendPiece(backlog: FlowBacklog, slab: Slab, start: number, length: number): void {
  const have = backlog.incoming === null ? 0 : backlog.incomingBytes;
  let buffer = backlog.incoming;
  if (buffer === null || buffer.length < have + length) {
    const room = Math.min(LIMITS.sduMaxBytes, Math.max(2 * have, have + length));
    const larger = Buffer.allocUnsafeSlow(room);
    if (buffer !== null) buffer.copy(larger, 0, 0, have);
    buffer = larger;
  }
  buffer.set(slab.buffer.subarray(start, start + length), have);
  backlog.incoming = buffer;
  backlog.incomingBytes = have + length;
}

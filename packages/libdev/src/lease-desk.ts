import type { FlowPort, FlowReceiver } from '@flowring/channel';
import type { FlowId, QosSpec } from '@flowring/common';
import { LIMITS, QOS_CUBES } from '@flowring/common';
import type { ChannelLink } from './channel-link.ts';
import type { RuntimeClock } from './clock.ts';
import type { BaseFlow } from './flow-base.ts';
import type { AllocRequest } from './session.ts';
import { Waiter, type WaiterOwner } from './wait-queue.ts';

/** The channel's flow on which desks talk: no flow endpoint has this id. */
const DESK_FLOW = 0;

/**
 * Desk messages: a byte for the kind, and the flow's id in host byte order. OPEN: a byte for the QoS cube and the
 * message that comes with the request follow. OPENED, DECLINED: nothing.
 */
const KIND = { open: 1, opened: 2, declined: 3 } as const;
const SHORT_BYTES = 5;
const OPEN_BYTES = 6;

/** The client's half of a lease: ids for flows to a name whose server is at the other end of the channel. */
export interface Lease {
  readonly desk: LeaseDesk;
  readonly first: FlowId;
  next: FlowId;
}

/** The server's half. */
interface Granted {
  readonly acceptor: number;
  readonly name: string;
  /** Ids before it are used. */
  next: FlowId;
}

/** An allocation that the server was asked for. */
export interface Opening {
  readonly request: AllocRequest;
  readonly signal: AbortSignal | undefined;
  readonly startedUs: number;
}

/** What a desk needs of its session. */
export interface DeskOwner {
  /** Whether an acceptor of ours takes one more flow now. */
  takesFlow(acceptor: number): boolean;
  /** A flow that a client opened with us. */
  onOpened(acceptor: number, name: string, flow: BaseFlow): void;
  /** A flow is there that the IRMd does not know of. */
  openedUnheard(id: FlowId, qos: QosSpec): void;
  /** The server does not take it, or is gone: the lease is over, and the IRMd is asked. */
  declined(desk: LeaseDesk, waiter: Waiter<Opening, BaseFlow>): void;
}

/**
 * One end of a channel where flows are opened without the IRMd: one message there, one back. Either end may be
 * client on some leases and server on others.
 */
export class LeaseDesk implements FlowReceiver, WaiterOwner<Opening, BaseFlow> {
  readonly link: ChannelLink;
  readonly #owner: DeskOwner;
  readonly #port: FlowPort;
  readonly #openings = new Map<FlowId, Waiter<Opening, BaseFlow>>();
  readonly #granted = new Map<FlowId, Granted>();
  /** Answers that found no room in the channel. */
  #due: Uint8Array[] = [];

  constructor(link: ChannelLink, owner: DeskOwner) {
    this.link = link;
    this.#owner = owner;
    this.#port = link.channel.attach(DESK_FLOW, this);
  }

  get clock(): RuntimeClock {
    return this.link.clock;
  }

  /** The peer may open flows with us: so many ids from `first` on. A lease to the same name replaces the one before. */
  grant(first: FlowId, acceptor: number, name: string): void {
    for (const [before, granted] of this.#granted) if (granted.name === name) this.#granted.delete(before);
    this.#granted.set(first, { acceptor, name, next: first });
  }

  /** Asks the server for a flow; `null` when that cannot be done on this lease now. */
  open(lease: Lease, request: AllocRequest, signal: AbortSignal | undefined): Promise<BaseFlow> | null {
    const cube = QOS_CUBES.indexOf(request.qos);
    const id = lease.next;
    if (cube < 0 || isUsedUp(lease)) return null;
    if (this.#port.trySend(openMessage(id, cube, request.data)) !== 'sent') return null;
    lease.next++;
    const opening: Opening = { request, signal, startedUs: this.clock.nowUs() };
    const waiter = new Waiter<Opening, BaseFlow>(this, id, opening);
    this.#openings.set(id, waiter);
    waiter.watch(request.timeoutMs, signal);
    return waiter.takePromise();
  }

  gaveUp(waiter: Waiter<Opening, BaseFlow>): void {
    this.#openings.delete(waiter.kind);
  }

  get tellsUse(): boolean {
    return true;
  }

  onMessage(slab: Buffer, start: number, end: number): void {
    const length = end - start;
    this.#port.consumed(length);
    if (length < SHORT_BYTES) return;
    const kind = slab[start]!;
    const id = slab.readUInt32LE(start + 1);
    if (kind === KIND.opened) this.#onOpened(id);
    else if (kind === KIND.declined) this.#onDeclined(id);
    else if (kind === KIND.open && length >= OPEN_BYTES) this.#onOpen(id, slab, start + SHORT_BYTES, end);
  }

  onWritable(): void {
    const due = this.#due;
    this.#due = [];
    for (const message of due) this.#send(message);
  }

  /** The channel is down: the server may be another process by now. */
  onEnd(): void {
    for (const id of [...this.#openings.keys()]) this.#onDeclined(id);
    this.#granted.clear();
  }

  #onOpen(id: FlowId, slab: Buffer, at: number, end: number): void {
    const granted = this.#granted.get(id - (id % LIMITS.leaseFlows));
    const qos = QOS_CUBES[slab[at]!];
    if (
      granted === undefined ||
      qos === undefined ||
      id < granted.next ||
      !this.#owner.takesFlow(granted.acceptor)
    ) {
      this.#send(shortMessage(KIND.declined, id));
      return;
    }
    granted.next = id + 1;
    const data = end - at > 1 ? Buffer.from(slab.subarray(at + 1, end)) : undefined;
    const { name, acceptor } = granted;
    const flow = this.link.join({ id, name, qos, peer: this.link.peer, data });
    this.#owner.openedUnheard(id, qos);
    this.#send(shortMessage(KIND.opened, id));
    this.#owner.onOpened(acceptor, name, flow);
  }

  #onOpened(id: FlowId): void {
    const waiter = this.#openings.get(id);
    if (waiter === undefined) {
      this.link.turnAway(id);
      return;
    }
    this.#openings.delete(id);
    const { name, qos, mode } = waiter.payload.request;
    this.#owner.openedUnheard(id, qos);
    waiter.resolve(this.link.join({ id, name, qos, peer: this.link.peer, mode }));
  }

  #onDeclined(id: FlowId): void {
    const waiter = this.#openings.get(id);
    this.#openings.delete(id);
    if (waiter !== undefined) this.#owner.declined(this, waiter);
  }

  #send(message: Uint8Array): void {
    if (this.#due.length > 0 || this.#port.trySend(message) === 'would-block')
      this.#due.push(Buffer.from(message));
  }
}

export function isUsedUp(lease: Lease): boolean {
  return lease.next === lease.first + LIMITS.leaseFlows;
}

function openMessage(id: FlowId, cube: number, data: Uint8Array | undefined): Buffer {
  const message = data === undefined ? bare : Buffer.allocUnsafe(OPEN_BYTES + data.length);
  message[0] = KIND.open;
  message.writeUInt32LE(id, 1);
  message[SHORT_BYTES] = cube;
  if (data !== undefined) message.set(data, OPEN_BYTES);
  return message;
}

const bare = Buffer.alloc(OPEN_BYTES);
const short = Buffer.alloc(SHORT_BYTES);

/** To be sent or copied at once. */
function shortMessage(kind: number, id: FlowId): Buffer {
  short[0] = kind;
  short.writeUInt32LE(id, 1);
  return short;
}

import { CLEAN_END } from '@flowring/channel';
import type {
  ChannelId,
  ChannelSpec,
  ControlMessage,
  ErrorCode,
  FlowId,
  QosSpec,
  RequestId,
} from '@flowring/common';
import { createLogger, errnoOf, FlowringError, TIMES } from '@flowring/common';
import type { Offered } from './acceptor.ts';
import type { LinkOwner, LinkServices } from './channel-link.ts';
import { ChannelLink } from './channel-link.ts';
import type { RuntimeClock } from './clock.ts';
import type { ControlLink } from './environment.ts';
import type { BaseFlow } from './flow-base.ts';
import type { FlowMode } from './flow-types.ts';
import { IncomingRequest } from './incoming.ts';
import { isUsedUp, LeaseDesk, type DeskOwner, type Lease, type Opening } from './lease-desk.ts';
import { Waiter, type WaiterOwner } from './wait-queue.ts';

/** Channels without a flow that are kept for the next one. */
const IDLE_CHANNELS_MAX = 256;

const log = createLogger('libdev');

/** An allocation as it goes to the IRMd. */
export type AllocRequest = Omit<ControlMessage<'alloc'>, 't' | 'req' | 'lease'> & {
  readonly mode: FlowMode | undefined;
};

/** What a session tells its runtime. */
export interface SessionEvents {
  /** An acceptor of ours is offered a flow. False: nobody wants it. */
  onOffer(acceptor: number, name: string, offered: Offered, leased?: boolean): boolean;
  /** Whether an acceptor takes a flow that the IRMd did not offer. */
  takesLeased(acceptor: number): boolean;
  /** A request is gone before anybody decided on it. */
  onWithdrawn(offered: Offered): void;
  onClosed(session: Session): void;
}

/**
 * One connection to one life of the IRMd. Flow and channel ids mean something only within it: after the daemon's
 * restart the old session lives on for the flows on its channels, and tells nobody about them.
 */
export class Session implements LinkOwner, DeskOwner, WaiterOwner<AllocRequest, BaseFlow> {
  readonly services: LinkServices;
  readonly #events: SessionEvents;
  #control: ControlLink | null = null;
  readonly #links = new Map<ChannelId, ChannelLink>();
  readonly #allocs = new Map<RequestId, Waiter<AllocRequest, BaseFlow>>();
  readonly #undecided = new Map<FlowId, IncomingRequest>();
  /** Leases to open flows, by name. */
  readonly #leases = new Map<string, Lease>();
  /** Requests that ask for a lease too, by name: one at a time, since each lease takes the place of the one before. */
  readonly #leaseAsks = new Map<string, RequestId>();
  /** Flows opened on leases that the IRMd has not been told of. */
  readonly #unheard = new Map<FlowId, QosSpec>();

  constructor(services: LinkServices, events: SessionEvents) {
    this.services = services;
    this.#events = events;
  }

  get clock(): RuntimeClock {
    return this.services.env.clock;
  }

  get control(): ControlLink {
    return this.#control!;
  }

  connected(control: ControlLink): void {
    this.#control = control;
    control.unref();
  }

  get isOpen(): boolean {
    return this.#control?.isOpen === true;
  }

  send(message: ControlMessage): boolean {
    return this.isOpen && this.#control!.send(message);
  }

  /** Asks for a flow; the caller has checked the arguments. */
  alloc(request: AllocRequest, signal: AbortSignal | undefined): Promise<BaseFlow> {
    const lease = this.#leases.get(request.name);
    if (lease === undefined || request.direct === false) return this.#ask(request, signal);
    const promise = lease.desk.open(lease, request, signal);
    if (promise !== null) return promise;
    if (isUsedUp(lease)) this.#leases.delete(request.name);
    return this.#ask(request, signal);
  }

  /** Asks the IRMd for a flow, and for a lease if there is none. */
  #ask(request: AllocRequest, signal: AbortSignal | undefined): Promise<BaseFlow> {
    const { mode: _mode, ...fields } = request;
    const req = this.control.nextRequestId();
    const wanted = this.#wantsLease(request);
    if (wanted) {
      // The IRMd hears of a lease's flows only until it has given the next.
      this.#tellUnheard();
      this.#leaseAsks.set(request.name, req);
    }
    const waiter = new Waiter<AllocRequest, BaseFlow>(this, req, request);
    this.#allocs.set(req, waiter);
    if (this.send({ t: 'alloc', req, ...fields, ...(wanted && { lease: true }) }))
      waiter.watch(request.timeoutMs, signal);
    else this.#settleAlloc(req, unreachable());
    return waiter.takePromise();
  }

  #wantsLease({ name, direct }: AllocRequest): boolean {
    return direct !== false && !this.#leases.has(name) && !this.#leaseAsks.has(name);
  }

  gaveUp(waiter: Waiter<AllocRequest, BaseFlow>): void {
    this.#takeAlloc(waiter.kind);
    this.send({ t: 'cancel', req: waiter.kind });
  }

  readonly onMessage = (message: ControlMessage): void => {
    switch (message.t) {
      case 'allocated':
        this.#onAllocated(message);
        break;
      case 'offer':
        this.#onOffer(message);
        break;
      case 'offer-withdrawn':
        this.#onWithdrawn(message.flow, message.code);
        break;
      case 'lease-over':
        for (const [name, { first }] of this.#leases) if (first === message.lease) this.#leases.delete(name);
        break;
      case 'path':
        for (const link of this.#links.values()) link.pathChanged(message.flow, message.params);
        break;
      case 'peer-gone':
        this.#links.get(message.channel)?.channel.peerGone();
        break;
      case 'error': {
        const { code, message: text, details } = message;
        const options = { ...(text !== undefined && { message: text }), ...(details && { details }) };
        this.#settleAlloc(message.req, new FlowringError(code, options));
        break;
      }
      default:
        log('dropped an unexpected %s', message.t);
    }
  };

  readonly onClose = (): void => {
    for (const req of [...this.#allocs.keys()]) this.#settleAlloc(req, unreachable());
    for (const id of [...this.#undecided.keys()]) this.#onWithdrawn(id, 'FLOWRING_IRMD_UNREACHABLE');
    this.#leases.clear();
    this.#unheard.clear();
    this.#closeIdleLinks(0);
    this.#events.onClosed(this);
  };

  linkDown(link: ChannelLink): void {
    if (this.#links.get(link.channel.id) !== link) return;
    this.#links.delete(link.channel.id);
    for (const [name, lease] of this.#leases) if (lease.desk === link.desk) this.#leases.delete(name);
    this.send({ t: 'channel-down', channel: link.channel.id });
  }

  flowReleased(id: FlowId): void {
    if (this.#unheard.delete(id)) return;
    if (this.isOpen) this.#control!.sendSoon({ t: 'dealloc', flow: id });
    else this.#closeIdleLinks(0);
  }

  /** An undecided request was answered. */
  decided(id: FlowId): void {
    this.#undecided.delete(id);
  }

  async close(): Promise<void> {
    // Flows that are still open did not end cleanly.
    for (const link of [...this.#links.values()])
      link.channel.close(link.isIdle ? CLEAN_END : errnoOf('FLOWRING_FLOW_DOWN'));
    await this.#control?.close();
  }

  #onAllocated(message: ControlMessage<'allocated'>): void {
    const link = this.#link(message.channel, message.open);
    const waiter = this.#allocs.get(message.req);
    if (link === undefined || waiter === undefined) {
      link?.turnAway(message.flow);
      this.send({ t: 'dealloc', flow: message.flow });
      this.#settleAlloc(message.req, new FlowringError('FLOWRING_CHANNEL'));
      return;
    }
    this.#takeAlloc(message.req);
    const { flow: id, qos, layer, data: answer } = message;
    const { name, mode } = waiter.payload;
    link.learn(message.peer, message.params);
    if (message.lease !== undefined) {
      this.#leases.set(name, { desk: this.#deskOf(link), first: message.lease, next: message.lease });
    }
    waiter.resolve(link.join({ id, name, qos, peer: link.peer, layer, answer, mode }));
  }

  #onOffer(message: ControlMessage<'offer'>): void {
    const link = this.#link(message.channel, message.open);
    if (link === undefined) {
      this.#turnDown(message);
      return;
    }
    const { flow: id, name, qos, layer, data } = message;
    link.learn(message.peer, message.params);
    if (message.lease !== undefined) this.#deskOf(link).grant(message.lease, message.acceptor, name);
    const seed = { id, name, qos, peer: link.peer, layer, data };
    let offered: Offered;
    if (message.decide) {
      const request = new IncomingRequest(this, link, seed);
      this.#undecided.set(id, request);
      offered = request;
    } else {
      offered = link.join(seed);
    }
    if (this.#events.onOffer(message.acceptor, name, offered)) return;
    if ('drop' in offered) offered.drop();
    else offered.abort();
  }

  #turnDown(message: ControlMessage<'offer'>): void {
    if (message.decide) this.send({ t: 'answer', flow: message.flow, code: 'FLOWRING_CHANNEL' });
    else this.send({ t: 'dealloc', flow: message.flow });
  }

  #onWithdrawn(id: FlowId, code: ErrorCode): void {
    const request = this.#undecided.get(id);
    if (request === undefined) return;
    this.#undecided.delete(id);
    request.withdraw(code);
    this.#events.onWithdrawn(request);
  }

  #settleAlloc(req: RequestId, error: FlowringError): void {
    this.#takeAlloc(req)?.reject(error);
  }

  #takeAlloc(req: RequestId): Waiter<AllocRequest, BaseFlow> | undefined {
    const waiter = this.#allocs.get(req);
    if (waiter === undefined) return undefined;
    this.#allocs.delete(req);
    const { name } = waiter.payload;
    if (this.#leaseAsks.get(name) === req) this.#leaseAsks.delete(name);
    return waiter;
  }

  #link(id: ChannelId, open: ChannelSpec | undefined): ChannelLink | undefined {
    const known = this.#links.get(id);
    if (known !== undefined) {
      // The map keeps insertion order, so moving to the end makes the first the least recently used.
      this.#links.delete(id);
      this.#links.set(id, known);
      return known;
    }
    if (open === undefined) return undefined;
    try {
      const link = new ChannelLink(this, open);
      this.#links.set(id, link);
      if (this.#links.size > IDLE_CHANNELS_MAX) this.#closeIdleLinks(IDLE_CHANNELS_MAX, link);
      return link;
    } catch (error) {
      log('channel %d does not open: %s', id, error);
      this.send({ t: 'channel-down', channel: id });
      return undefined;
    }
  }

  takesFlow(acceptor: number): boolean {
    return this.isOpen && this.#events.takesLeased(acceptor);
  }

  onOpened(acceptor: number, name: string, flow: BaseFlow): void {
    if (!this.#events.onOffer(acceptor, name, flow, true)) flow.abort();
  }

  /** Told only if it lives so long: most short conversations cost the IRMd nothing. */
  openedUnheard(id: FlowId, qos: QosSpec): void {
    if (this.#unheard.size === 0) this.clock.after(TIMES.leasedUnheardMs * 1_000, this.#tellUnheard);
    this.#unheard.set(id, qos);
  }

  readonly #tellUnheard = (): void => {
    for (const [flow, qos] of this.#unheard)
      if (this.isOpen) this.#control!.sendSoon({ t: 'opened', flow, qos });
    this.#unheard.clear();
  };

  declined(desk: LeaseDesk, waiter: Waiter<Opening, BaseFlow>): void {
    const { request, signal, startedUs } = waiter.payload;
    if (this.#leases.get(request.name)?.desk === desk) this.#leases.delete(request.name);
    const passedMs = Math.floor((this.clock.nowUs() - startedUs) / 1_000);
    const timeoutMs = Math.max(1, request.timeoutMs - passedMs);
    if (this.isOpen) waiter.resolve(this.#ask({ ...request, timeoutMs }, signal));
    else waiter.reject(unreachable());
  }

  #deskOf(link: ChannelLink): LeaseDesk {
    return (link.desk ??= new LeaseDesk(link, this));
  }

  #closeIdleLinks(keep: number, except?: ChannelLink): void {
    let idle = 0;
    for (const link of this.#links.values()) if (link !== except && link.isIdle) idle++;
    for (const link of [...this.#links.values()]) {
      if (idle <= keep) return;
      if (link === except || !link.isIdle) continue;
      idle--;
      link.channel.close();
    }
  }
}

function unreachable(): FlowringError {
  return new FlowringError('FLOWRING_IRMD_UNREACHABLE', { message: 'the IRM daemon went away' });
}

import { EventEmitter } from 'eventemitter3';
import { FlowringError, isFlowringError } from '@flowring/common';
import type { RuntimeClock } from './clock.ts';
import { RealClock } from './clock.ts';
import type { FlowObserver } from './flow-host.ts';
import { BaseFlow } from './flow-base.ts';
import type { Flow, FlowEvent, FlowEventType, WaitOptions } from './flow-types.ts';
import { WaitQueue } from './wait-queue.ts';

/** Listener arguments of a {@link FlowSet}, by event. */
export type FlowSetEvents = Record<FlowEventType, [event: FlowEvent]>;

/** After so many events that were there already, input gets a turn: a loop that does not read must not stop it. */
const BURST_MAX = 64;

/** Events of a flow that happened once and were not told. */
interface Untold {
  readonly events: FlowEvent[];
  /** The last thing told was `PKT`: an event comes next, even while messages are left. */
  toldPacket: boolean;
}

/**
 * Waits for many flows at once. A flow is in at most one set; its own end takes it out.
 *
 * `next` is level-triggered: a flow with messages to read is told again, in turn with the others, until it is read
 * empty. `DEALLOC` (clean end by the peer), `PEER` (its death), `DOWN` (any other loss) and `UP` (carried again) are told
 * once. What is kept is bounded by the number of flows, not of messages. As an emitter it tells `PKT` per arrival
 * that found no waiting read.
 */
export class FlowSet extends EventEmitter<FlowSetEvents> implements FlowObserver {
  readonly #members = new Set<BaseFlow>();
  readonly #untold = new Map<BaseFlow, Untold>();
  readonly #ready = new Set<BaseFlow>();
  readonly #allocations: FlowEvent[] = [];
  readonly #waiters: WaitQueue<undefined, FlowEvent>;

  #burst = 0;

  /** `clock`: a test layer's; default Node's. */
  constructor(clock: RuntimeClock = new RealClock()) {
    super();
    this.#waiters = new WaitQueue(clock);
  }

  get size(): number {
    return this.#members.size;
  }

  /** Throws `FLOWRING_PERMISSION` when the flow is in a set, `FLOWRING_NOT_ALLOCATED` when it is over by an own call. */
  add(flow: Flow): void {
    if (!(flow instanceof BaseFlow)) {
      throw new FlowringError('FLOWRING_INVALID_ARGUMENT', { message: 'not a flow of this package' });
    }
    if (flow.observer !== null) {
      throw new FlowringError('FLOWRING_PERMISSION', { message: 'the flow is in a set already' });
    }
    if (flow.isLeft) throw new FlowringError('FLOWRING_NOT_ALLOCATED', { details: { flow: flow.id } });
    this.#members.add(flow);
    flow.observer = this;
    if (flow.rxQueueLength > 0) this.notify(flow, 'PKT');
    if (flow.endEvent !== undefined) this.notify(flow, flow.endEvent);
  }

  /** Adds the flow of an allocation or accept when it is there, and tells `ALLOC`, with the flow or the error. */
  addLater(allocation: Promise<Flow>): void {
    allocation.then(
      (flow) => {
        this.add(flow);
        this.#tellAllocation({ type: 'ALLOC', flow });
      },
      (error: unknown) => {
        const known = isFlowringError(error)
          ? error
          : new FlowringError('FLOWRING_INTERNAL', { cause: error });
        this.#tellAllocation({ type: 'ALLOC', error: known });
      },
    );
  }

  has(flow: Flow): boolean {
    return this.#members.has(flow as BaseFlow);
  }

  /** Takes a flow out with its untold events; false when it was not in this set. */
  delete(flow: Flow): boolean {
    const member = flow as BaseFlow;
    if (!this.#members.delete(member)) return false;
    this.#ready.delete(member);
    this.#untold.delete(member);
    member.observer = null;
    return true;
  }

  /** Takes all flows and untold events out. */
  zero(): void {
    for (const flow of [...this.#members]) this.delete(flow);
    this.#allocations.length = 0;
  }

  /** The next event, or `null` when there is none now. */
  poll(): FlowEvent | null {
    const allocation = this.#allocations.shift();
    if (allocation !== undefined) return allocation;
    for (const flow of this.#ready) {
      const event = this.#visit(flow);
      if (event !== null) return event;
    }
    return null;
  }

  /** The next event. Rejects with `FLOWRING_TIMEOUT` or `FLOWRING_ABORTED`. Waiting on an empty set is allowed. */
  next(options?: WaitOptions): Promise<FlowEvent> {
    const event = this.#waiters.length === 0 && options?.signal?.aborted !== true ? this.poll() : null;
    if (event === null) return this.#waiters.wait(0, undefined, options);
    if (++this.#burst < BURST_MAX) return Promise.resolve(event);
    this.#burst = 0;
    return new Promise((resolve) => {
      this.#waiters.clock.afterInput(() => {
        resolve(event);
      });
    });
  }

  /** Called by a flow of the set. */
  notify(flow: BaseFlow, type: FlowEventType): void {
    if (type === 'PKT' && this.#isKnownReady(flow)) return;
    if (!this.#members.has(flow)) return;
    const event: FlowEvent = { type, flow };
    if (type !== 'PKT') this.#keep(flow, event);
    this.#ready.add(flow);
    this.#serve();
    this.emit(type, event);
  }

  /** Another packet of a run tells nobody anything. */
  #isKnownReady(flow: BaseFlow): boolean {
    return this.#waiters.length === 0 && this.#ready.has(flow) && this.listenerCount('PKT') === 0;
  }

  /** Called by a flow that was deallocated here. */
  forget(flow: BaseFlow): void {
    this.delete(flow);
  }

  #tellAllocation(event: FlowEvent): void {
    this.#allocations.push(event);
    this.#serve();
    this.emit('ALLOC', event);
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      const event = this.poll();
      if (event === null) return;
      this.#waiters.shift().resolve(event);
    }
  }

  #keep(flow: BaseFlow, event: FlowEvent): void {
    const untold = this.#untold.get(flow);
    if (untold === undefined) this.#untold.set(flow, { events: [event], toldPacket: false });
    else untold.events.push(event);
  }

  /** What there is to tell of a flow; it goes to the end of the line, or out of it. */
  #visit(flow: BaseFlow): FlowEvent | null {
    this.#ready.delete(flow);
    const untold = this.#untold.get(flow);
    const hasPackets = flow.rxQueueLength > 0;
    if (hasPackets && untold?.toldPacket !== true) {
      if (untold !== undefined) untold.toldPacket = true;
      this.#ready.add(flow);
      return { type: 'PKT', flow };
    }
    if (untold === undefined) return null;
    const event = untold.events.shift()!;
    untold.toldPacket = false;
    if (untold.events.length === 0) this.#untold.delete(flow);
    if (hasPackets || untold.events.length > 0) this.#ready.add(flow);
    return event;
  }
}

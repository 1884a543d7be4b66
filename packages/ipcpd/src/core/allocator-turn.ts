import type { ErrorCode, FlowId } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { Allocator, FaTableSizes, PeerView } from './allocator.ts';
import type { DeadlineQueue } from './deadline-queue.ts';
import type { PeerAddress } from './fa-flow.ts';
import type { FaInput, FaOutput } from './fa-messages.ts';
import { STALL_MIN_US } from './liveness.ts';

/** What every flow allocator's tables have. */
export interface AllocatorTables<Timer> {
  readonly timers: DeadlineQueue<Timer>;
  readonly flows: ReadonlyMap<FlowId, { readonly sEid: number }>;
  readonly stats: object;
  /** What the input at hand has caused so far. */
  out: FaOutput[];
}

type InputOf<T extends FaInput['t']> = Extract<FaInput, { t: T }>;

/** What an allocator does with each input. */
export interface AllocatorSteps<Tables> {
  readonly request: (fa: Tables, input: InputOf<'request'>, nowUs: InstantUs) => void;
  readonly accept: (fa: Tables, input: InputOf<'accept'>, nowUs: InstantUs) => void;
  readonly refuse: (fa: Tables, incoming: number, code: ErrorCode, nowUs: InstantUs) => void;
  readonly localEnd: (fa: Tables, flow: FlowId, errno: number, nowUs: InstantUs) => void;
  readonly release: (fa: Tables, flow: FlowId, nowUs: InstantUs) => void;
  readonly receive: (fa: Tables, from: PeerAddress, pdu: Uint8Array, nowUs: InstantUs) => void;
}

/**
 * The turns of a flow allocator, whatever it speaks: an input or what is due goes in with the time, what is to be done
 * comes out, and a turn that comes late is taken as our own stall. Pure, and time never decreases.
 */
export abstract class AllocatorTurn<Timer, Tables extends AllocatorTables<Timer>> implements Allocator {
  abstract readonly kind: 'fa' | 'o7s';
  protected readonly fa: Tables;
  readonly #steps: AllocatorSteps<Tables>;
  #expectedUs: InstantUs | null = null;
  /** Up to here our own stalls are credited. */
  #creditedUs: InstantUs = 0;

  constructor(fa: Tables, steps: AllocatorSteps<Tables>) {
    this.fa = fa;
    this.#steps = steps;
  }

  protected abstract fire(timer: Timer, nowUs: InstantUs): void;
  abstract noteData(sEid: number, nowUs: InstantUs, from?: PeerAddress): FlowId;
  abstract noteSent(sEid: number, nowUs: InstantUs): void;
  abstract viewOf(flow: FlowId, nowUs: InstantUs): PeerView | null;
  abstract inspect(): FaTableSizes;
  abstract noteStall(stallUs: DurationUs, nowUs: InstantUs): void;

  handle(input: FaInput, nowUs: InstantUs): FaOutput[] {
    this.#creditOwnStall(nowUs);
    this.#take(input, nowUs);
    return this.#leave();
  }

  handleTimeout(nowUs: InstantUs): FaOutput[] {
    this.#creditOwnStall(nowUs);
    const { timers } = this.fa;
    for (let due = timers.takeDue(nowUs); due !== null; due = timers.takeDue(nowUs)) this.fire(due, nowUs);
    return this.#leave();
  }

  nextTimeout(): InstantUs | null {
    return this.fa.timers.nextAt();
  }

  get stats(): Tables['stats'] {
    return this.fa.stats;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.fa.stats };
  }

  /** The EID of a flow of ours, 0 when there is none. */
  eidOf(flow: FlowId): number {
    return this.fa.flows.get(flow)?.sEid ?? 0;
  }

  #take(input: FaInput, nowUs: InstantUs): void {
    const { fa } = this;
    switch (input.t) {
      case 'request':
        return this.#steps.request(fa, input, nowUs);
      case 'accept':
        return this.#steps.accept(fa, input, nowUs);
      case 'refuse':
        return this.#steps.refuse(fa, input.incoming, input.code, nowUs);
      case 'local-end':
        return this.#steps.localEnd(fa, input.flow, input.errno, nowUs);
      case 'release':
        return this.#steps.release(fa, input.flow, nowUs);
      case 'pdu':
        return this.#steps.receive(fa, input.peer, input.pdu, nowUs);
    }
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
    this.#expectedUs = this.fa.timers.nextAt();
    const { out } = this.fa;
    this.fa.out = [];
    return out;
  }
}

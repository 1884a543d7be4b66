import type { FlowId } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { Allocator, FaTableSizes, PeerView } from './allocator.ts';
import type { DeadlineQueue } from './deadline-queue.ts';
import type { PeerAddress } from './fa-flow.ts';
import type { FaInput, FaOutput } from './fa-messages.ts';
import { STALL_MIN_US } from './liveness.ts';

/** What every flow allocator's tables have. */
export interface AllocatorTables<Timer> {
  readonly timers: DeadlineQueue<Timer>;
  /** What the input at hand has caused so far. */
  out: FaOutput[];
}

/**
 * The turns of a flow allocator, whatever it speaks: an input or what is due goes in with the time, what is to be done
 * comes out, and a turn that comes late is taken as our own stall. Pure, and time never decreases.
 */
export abstract class AllocatorTurn<Timer> implements Allocator {
  abstract readonly kind: 'fa' | 'o7s';
  readonly #tables: AllocatorTables<Timer>;
  #expectedUs: InstantUs | null = null;
  /** Up to here our own stalls are credited. */
  #creditedUs: InstantUs = 0;

  constructor(tables: AllocatorTables<Timer>) {
    this.#tables = tables;
  }

  protected abstract take(input: FaInput, nowUs: InstantUs): void;
  protected abstract fire(timer: Timer, nowUs: InstantUs): void;
  abstract noteData(sEid: number, nowUs: InstantUs, from?: PeerAddress): FlowId;
  abstract noteSent(sEid: number, nowUs: InstantUs): void;
  abstract counters(): Readonly<Record<string, number>>;
  abstract viewOf(flow: FlowId, nowUs: InstantUs): PeerView | null;
  abstract inspect(): FaTableSizes;
  abstract noteStall(stallUs: DurationUs, nowUs: InstantUs): void;

  handle(input: FaInput, nowUs: InstantUs): FaOutput[] {
    this.#creditOwnStall(nowUs);
    this.take(input, nowUs);
    return this.#leave();
  }

  handleTimeout(nowUs: InstantUs): FaOutput[] {
    this.#creditOwnStall(nowUs);
    const { timers } = this.#tables;
    for (let due = timers.takeDue(nowUs); due !== null; due = timers.takeDue(nowUs)) this.fire(due, nowUs);
    return this.#leave();
  }

  nextTimeout(): InstantUs | null {
    return this.#tables.timers.nextAt();
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
    this.#expectedUs = this.#tables.timers.nextAt();
    const { out } = this.#tables;
    this.#tables.out = [];
    return out;
  }
}

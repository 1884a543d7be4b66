import type { ControlMessage, FlowId } from '@flowring/common';
import type { Allocator } from '../core/allocator.ts';
import type { FaInput, FaOutput, FlowBinding } from '../core/fa-messages.ts';
import type { PeerAddress } from '../core/fa-flow.ts';
import { CoreTimer } from './core-timer.ts';
import { monotonicUs } from './monotonic-clock.ts';

/** Carries out what the allocator wants. */
export interface AllocatorSinks {
  sendPdu(peer: PeerAddress, pdu: Uint8Array): void;
  tellIrmd(message: ControlMessage): void;
  bind(binding: FlowBinding): void;
  ended(flow: FlowId, errno: number): void;
  unbind(flow: FlowId): void;
}

/**
 * Time and order for an {@link Allocator}: inputs one after the other even when an output causes the next one,
 * and one timer.
 */
export class AllocatorDriver {
  readonly #allocator: Allocator;
  readonly #sinks: AllocatorSinks;
  readonly #timer = new CoreTimer(() => this.#due());
  #inbox: FaInput[] = [];
  #running = false;
  #closed = false;

  constructor(allocator: Allocator, sinks: AllocatorSinks) {
    this.#allocator = allocator;
    this.#sinks = sinks;
  }

  input(input: FaInput): void {
    if (this.#closed) return;
    this.#inbox.push(input);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let i = 0; i < this.#inbox.length; i += 1) {
        this.#carryOut(this.#allocator.handle(this.#inbox[i]!, monotonicUs()));
      }
    } finally {
      this.#inbox = [];
      this.#running = false;
    }
    this.#timer.arm(this.#allocator.nextTimeout());
  }

  /** A data packet arrived for this EID of ours. Returns its flow; 0: drop it. */
  noteData(sEid: number, from?: PeerAddress): FlowId {
    return this.#allocator.noteData(sEid, monotonicUs(), from);
  }

  /** A data packet of the flow with this EID of ours left. */
  noteSent(sEid: number): void {
    this.#allocator.noteSent(sEid, monotonicUs());
  }

  close(): void {
    this.#closed = true;
    this.#timer.close();
  }

  #carryOut(outputs: readonly FaOutput[]): void {
    for (const output of outputs) {
      switch (output.t) {
        case 'send':
          this.#sinks.sendPdu(output.peer, output.pdu);
          break;
        case 'irmd':
          this.#sinks.tellIrmd(output.message);
          break;
        case 'bind':
          this.#sinks.bind(output);
          break;
        case 'ended':
          this.#sinks.ended(output.flow, output.errno);
          break;
        case 'unbind':
          this.#sinks.unbind(output.flow);
          break;
      }
    }
  }

  #due(): void {
    this.#running = true;
    try {
      this.#carryOut(this.#allocator.handleTimeout(monotonicUs()));
    } finally {
      this.#running = false;
    }
    const caused = this.#inbox;
    this.#inbox = [];
    for (const input of caused) this.input(input);
    this.#timer.arm(this.#allocator.nextTimeout());
  }
}

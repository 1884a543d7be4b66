import type { ControlMessage, FlowId } from '@flowring/common';
import type { InstantUs } from '@flowring/frcp';
import type { Allocator } from '../core/allocator.ts';
import type { FaInput, FaOutput, FlowBinding } from '../core/fa-messages.ts';
import type { PeerAddress } from '../core/fa-flow.ts';

/** Carries out what the allocator wants. */
export interface AllocatorSinks {
  sendPdu(peer: PeerAddress, pdu: Uint8Array): void;
  tellIrmd(message: ControlMessage): void;
  bind(binding: FlowBinding): void;
  ended(flow: FlowId, errno: number): void;
  unbind(flow: FlowId): void;
}

/**
 * Time and order for a {@link Allocator}: inputs one after the other even when an output causes the next one,
 * one timer, and when it fires, packets that have arrived first.
 */
export class AllocatorDriver {
  readonly #allocator: Allocator;
  readonly #sinks: AllocatorSinks;
  #inbox: FaInput[] = [];
  #running = false;
  #timer: NodeJS.Timeout | null = null;
  #timerAtUs: InstantUs = Infinity;
  #grace: NodeJS.Immediate | null = null;
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
        this.#carryOut(this.#allocator.handle(this.#inbox[i]!, nowUs()));
      }
    } finally {
      this.#inbox = [];
      this.#running = false;
    }
    this.#arm();
  }

  /** A data packet arrived for this EID of ours. Returns its flow; 0: drop it. */
  noteData(sEid: number, from?: PeerAddress): FlowId {
    return this.#allocator.noteData(sEid, nowUs(), from);
  }

  /** A data packet of the flow with this EID of ours left. */
  noteSent(sEid: number): void {
    this.#allocator.noteSent(sEid, nowUs());
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#grace !== null) clearImmediate(this.#grace);
    this.#timer = null;
    this.#grace = null;
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

  #arm(): void {
    const atUs = this.#allocator.nextTimeout() ?? Infinity;
    if (this.#closed || this.#grace !== null || atUs === this.#timerAtUs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAtUs = atUs;
    if (atUs === Infinity) return;
    const waitMs = Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil((atUs - nowUs()) / 1_000)));
    this.#timer = setTimeout(() => this.#due(), waitMs);
    this.#timer.unref();
  }

  /** Timers run before the poll phase: let it deliver what has arrived, then look at the clock. */
  #due(): void {
    this.#timer = null;
    this.#grace = setImmediate(() => {
      this.#grace = null;
      this.#timerAtUs = Infinity;
      this.#running = true;
      try {
        this.#carryOut(this.#allocator.handleTimeout(nowUs()));
      } finally {
        this.#running = false;
      }
      const caused = this.#inbox;
      this.#inbox = [];
      for (const input of caused) this.input(input);
      this.#arm();
    });
  }
}

/** Largest wait of one Node timer. */
const TIMER_MAX_MS = 0x7fff_ffff;

function nowUs(): InstantUs {
  return Math.floor(performance.now() * 1_000);
}

import type { ControlMessage, ControlType, QosSpec } from '@flowring/common';
import type { Allocator } from '../src/core/allocator.ts';
import type { FaInput, FaOutput } from '../src/core/fa-messages.ts';

export const SECOND = 1_000_000;
/** One way, us. */
const DELAY_US = 10_000;

export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state ^ (state >>> 15)) >>> 0;
  };
}

/** One of two ends: its allocator and what it said. */
export abstract class AllocatorEnd {
  readonly name: 'a' | 'b';
  abstract readonly allocator: Allocator;
  readonly outputs: FaOutput[] = [];
  /** A stalled end neither takes packets nor looks at timers. */
  stalled = false;

  constructor(name: 'a' | 'b') {
    this.name = name;
  }

  /** Takes note of what it sends; whether it arrives. */
  abstract sends(bytes: Uint8Array): boolean;

  told<T extends ControlType>(type: T): ControlMessage<T>[] {
    return this.outputs.flatMap((output) =>
      output.t === 'irmd' && output.message.t === type
        ? [output.message as unknown as ControlMessage<T>]
        : [],
    );
  }
}

interface UnderWay<End> {
  readonly atUs: number;
  readonly from: End;
  readonly to: End;
  readonly bytes: Uint8Array;
}

/** Two allocators, 10 ms apart, under a clock the test moves. */
export abstract class AllocatorWorld<End extends AllocatorEnd> {
  abstract readonly a: End;
  abstract readonly b: End;
  nowUs = 0;
  #wire: UnderWay<End>[] = [];

  input(end: End, input: FaInput): void {
    this.#take(end, end.allocator.handle(input, this.nowUs));
  }

  /** B accepts the last request it was told of. */
  accept(flow: number): void {
    this.input(this.b, { t: 'accept', incoming: this.b.told('ipcp-incoming').at(-1)!.incoming, flow });
  }

  abstract request(flow: number, options?: { readonly qos?: Partial<QosSpec> }): void;

  /** A flow between flow ids `flow` at A and at B. */
  allocate(flow: number, qos: Partial<QosSpec> = {}): void {
    this.request(flow, { qos });
    this.run(0.1);
    this.accept(flow);
    this.run(0.1);
  }

  /** A PDU arrives, or one that nobody's allocator has sent. */
  inject(to: End, from: string, pdu: Uint8Array): void {
    this.input(to, { t: 'pdu', peer: from, pdu });
  }

  protected arrive(to: End, from: string, bytes: Uint8Array): void {
    this.inject(to, from, bytes);
  }

  /** Lets time pass: packets before timers at every instant. */
  run(seconds: number): void {
    const endUs = this.nowUs + Math.round(seconds * SECOND);
    for (;;) {
      const atUs = this.#nextUs();
      if (atUs > endUs) break;
      this.nowUs = Math.max(this.nowUs, atUs);
      this.#turn();
    }
    this.nowUs = endUs;
  }

  #turn(): void {
    const due = this.#wire.filter((one) => one.atUs <= this.nowUs && !one.to.stalled);
    this.#wire = this.#wire.filter((one) => !due.includes(one));
    for (const { from, to, bytes } of due) this.arrive(to, from.name, bytes);
    for (const end of [this.a, this.b]) {
      if (!end.stalled) this.#take(end, end.allocator.handleTimeout(this.nowUs));
    }
  }

  #nextUs(): number {
    const packets = this.#wire.filter((one) => !one.to.stalled).map((one) => one.atUs);
    const timers = [this.a, this.b]
      .filter((end) => !end.stalled)
      .map((end) => end.allocator.nextTimeout() ?? Infinity);
    return Math.min(...packets, ...timers, Infinity);
  }

  #take(end: End, outputs: readonly FaOutput[]): void {
    for (const output of outputs) {
      end.outputs.push(output);
      if (output.t !== 'send' || !end.sends(output.pdu)) continue;
      const to = output.peer === 'a' ? this.a : this.b;
      this.#wire.push({ atUs: this.nowUs + DELAY_US, from: end, to, bytes: output.pdu });
    }
  }
}

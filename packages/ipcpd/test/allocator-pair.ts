import type { ControlMessage, ControlType, QosSpec } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import type { FaInput, FaOutput } from '../src/core/fa-messages.ts';
import type { FaPdu } from '../src/core/fa-pdu.ts';
import { decodeFaPdu } from '../src/core/fa-pdu.ts';
import { FlowAllocator } from '../src/core/flow-allocator.ts';

export const SECOND = 1_000_000;
/** One way, us. */
const DELAY_US = 10_000;
const QUARANTINE_US = 100 * SECOND;

/** One end of a pair: its allocator and what it said. */
export class PairEnd {
  readonly name: 'a' | 'b';
  allocator: FlowAllocator;
  readonly outputs: FaOutput[] = [];
  /** What it sent, decoded. */
  readonly sent: FaPdu[] = [];
  /** A stalled end neither takes packets nor looks at timers. */
  stalled = false;
  /** Whether its packets arrive; by type where a test wants it. */
  passes: (pdu: FaPdu) => boolean = () => true;

  constructor(name: 'a' | 'b', seed: number) {
    this.name = name;
    this.allocator = newAllocator(seed);
  }

  told<T extends ControlType>(type: T): ControlMessage<T>[] {
    return this.outputs.flatMap((output) =>
      output.t === 'irmd' && output.message.t === type
        ? [output.message as unknown as ControlMessage<T>]
        : [],
    );
  }

  /** Errno each flow ended with. */
  ends(): (readonly [number, number])[] {
    return this.outputs.flatMap((output) =>
      output.t === 'ended' ? [[output.flow, output.errno] as const] : [],
    );
  }

  count(type: FaPdu['t']): number {
    return this.sent.filter((pdu) => pdu.t === type).length;
  }
}

/** Two allocators, 10 ms apart, under a clock the test moves. */
export class AllocatorPair {
  readonly a = new PairEnd('a', 1);
  readonly b = new PairEnd('b', 2);
  nowUs = 0;
  #wire: { readonly atUs: number; readonly from: PairEnd; readonly to: PairEnd; readonly pdu: Uint8Array }[] =
    [];

  input(end: PairEnd, input: FaInput): void {
    this.#take(end, end.allocator.handle(input, this.nowUs));
  }

  request(
    flow: number,
    options: { readonly timeoutMs?: number; readonly qos?: Partial<QosSpec> } = {},
  ): void {
    this.input(this.a, {
      t: 'request',
      flow,
      peer: 'b',
      name: 'echo',
      qos: { ...qosCubes.raw, timeout: 3_000, ...options.qos },
      timeoutMs: options.timeoutMs ?? 10_000,
    });
  }

  /** B accepts the last request it was told of. */
  accept(flow: number): void {
    this.input(this.b, { t: 'accept', incoming: this.b.told('ipcp-incoming').at(-1)!.incoming, flow });
  }

  /** A flow between flow ids `flow` at A and at B. */
  allocate(flow: number, qos: Partial<QosSpec> = {}): void {
    this.request(flow, { qos });
    this.run(0.1);
    this.accept(flow);
    this.run(0.1);
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

  /** Time passes and nobody runs: packets under way wait, timers are late. */
  suspend(seconds: number): void {
    this.nowUs += Math.round(seconds * SECOND);
  }

  restart(end: PairEnd): void {
    end.allocator = newAllocator(99);
  }

  #turn(): void {
    const due = this.#wire.filter((one) => one.atUs <= this.nowUs && !one.to.stalled);
    this.#wire = this.#wire.filter((one) => !due.includes(one));
    for (const { from, to, pdu } of due) this.input(to, { t: 'pdu', peer: from.name, pdu });
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

  #take(end: PairEnd, outputs: readonly FaOutput[]): void {
    for (const output of outputs) {
      end.outputs.push(output);
      if (output.t !== 'send') continue;
      const pdu = decodeFaPdu(output.pdu)!;
      end.sent.push(pdu);
      const to = output.peer === 'a' ? this.a : this.b;
      if (end.passes(pdu)) this.#wire.push({ atUs: this.nowUs + DELAY_US, from: end, to, pdu: output.pdu });
    }
  }
}

function newAllocator(seed: number): FlowAllocator {
  let state = seed;
  return new FlowAllocator({
    traits: { lossless: false, mplUs: SECOND, quarantineUs: QUARANTINE_US, rtoInitialUs: 100_000 },
    paramsOf: () => ({ mplMs: 1_000, aMs: 50, rMs: 30_000, mtuBytes: 1_400 }),
    random: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state ^ (state >>> 15)) >>> 0;
    },
  });
}

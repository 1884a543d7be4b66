import type { ControlMessage, ControlType, QosSpec } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import type { FaInput, FaOutput } from '../../src/core/fa-messages.ts';
import { kindOfDatagram, readEid } from '../../src/core/o7s/datagram.ts';
import type { ManagementFrame } from '../../src/core/o7s/management-frame.ts';
import { decodeFrame } from '../../src/core/o7s/management-frame.ts';
import { HashedNames } from '../../src/core/o7s/name-hash.ts';
import type { O7sStats } from '../../src/core/o7s/o7s-context.ts';
import { O7sAllocator } from '../../src/core/o7s/o7s-allocator.ts';
import { nodeDigest } from './node-digest.ts';

export const SECOND = 1_000_000;
export const UTC_START_US = 1_795_231_698_000_000;
const DELAY_US = 10_000;

/** One end: its allocator, and what it said. */
export class O7sEnd {
  readonly name: 'a' | 'b';
  readonly names = new HashedNames(nodeDigest);
  readonly allocator: O7sAllocator;
  readonly outputs: FaOutput[] = [];
  readonly frames: ManagementFrame[] = [];
  keepalives = 0;
  /** This end's clock is ahead of the other's, us. */
  skewUs = 0;
  stalled = false;
  /** Whether its datagrams arrive. */
  passes: (bytes: Uint8Array) => boolean = () => true;

  constructor(name: 'a' | 'b', random: () => number) {
    this.name = name;
    this.allocator = new O7sAllocator({
      params: { mplMs: 5_000, aMs: 15, rMs: 120_000, mtuBytes: 8_976 },
      names: this.names,
      digest: nodeDigest,
      random,
      utcUs: (nowUs) => UTC_START_US + this.skewUs + nowUs,
    });
  }

  stats(counter: keyof O7sStats): number {
    return this.allocator.stats[counter];
  }

  told<T extends ControlType>(type: T): ControlMessage<T>[] {
    return this.outputs.flatMap((output) =>
      output.t === 'irmd' && output.message.t === type
        ? [output.message as unknown as ControlMessage<T>]
        : [],
    );
  }

  all<T extends FaOutput['t']>(type: T): Extract<FaOutput, { t: T }>[] {
    return this.outputs.filter((output): output is Extract<FaOutput, { t: T }> => output.t === type);
  }
}

export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state ^ (state >>> 15)) >>> 0;
  };
}

interface UnderWay {
  readonly atUs: number;
  readonly from: O7sEnd;
  readonly to: O7sEnd;
  readonly bytes: Uint8Array;
}

/** Two ends, 10 ms apart, under a clock the test moves. */
export class O7sWorld {
  readonly a = new O7sEnd('a', seeded(1));
  readonly b = new O7sEnd('b', seeded(2));
  nowUs = 0;
  #wire: UnderWay[] = [];

  constructor() {
    this.b.names.register('oping');
  }

  input(end: O7sEnd, input: FaInput): void {
    this.#take(end, end.allocator.handle(input, this.nowUs));
  }

  request(flow: number, over: { timeoutMs?: number; qos?: Partial<QosSpec>; name?: string } = {}): void {
    this.input(this.a, {
      t: 'request',
      flow,
      peer: 'b',
      name: over.name ?? 'oping',
      qos: { ...qosCubes.data, timeout: 3_000, ...over.qos },
      timeoutMs: over.timeoutMs ?? 20_000,
    });
  }

  /** B accepts the last request it was told of. */
  accept(flow: number): void {
    this.input(this.b, { t: 'accept', incoming: this.b.told('ipcp-incoming').at(-1)!.incoming, flow });
  }

  allocate(flow: number, qos: Partial<QosSpec> = {}): void {
    this.request(flow, { qos });
    this.run(0.1);
    this.accept(flow);
    this.run(0.1);
  }

  /** A datagram of nobody's allocator arrives. */
  inject(to: O7sEnd, from: string, bytes: Uint8Array): void {
    this.#take(to, to.allocator.handle({ t: 'pdu', peer: from, pdu: bytes }, this.nowUs));
  }

  /** Lets time pass: packets before timers at every instant. */
  run(seconds: number): void {
    const endUs = this.nowUs + Math.round(seconds * SECOND);
    for (;;) {
      const atUs = this.#nextUs();
      if (atUs > endUs) break;
      this.nowUs = Math.max(this.nowUs, atUs);
      const due = this.#wire.filter((one) => one.atUs <= this.nowUs && !one.to.stalled);
      this.#wire = this.#wire.filter((one) => !due.includes(one));
      for (const one of due) this.#arrive(one);
      for (const end of [this.a, this.b]) {
        if (!end.stalled) this.#take(end, end.allocator.handleTimeout(this.nowUs));
      }
    }
    this.nowUs = endUs;
  }

  #arrive({ from, to, bytes }: UnderWay): void {
    if (kindOfDatagram(bytes, 0, bytes.length) === 'management') this.inject(to, from.name, bytes);
    else to.allocator.noteData(readEid(bytes, 0), this.nowUs, from.name);
  }

  #nextUs(): number {
    const packets = this.#wire.filter((one) => !one.to.stalled).map((one) => one.atUs);
    const timers = [this.a, this.b]
      .filter((end) => !end.stalled)
      .map((end) => end.allocator.nextTimeout() ?? Infinity);
    return Math.min(...packets, ...timers, Infinity);
  }

  #take(end: O7sEnd, outputs: readonly FaOutput[]): void {
    for (const output of outputs) {
      end.outputs.push(output);
      if (output.t !== 'send') continue;
      const frame = decodeFrame(output.pdu);
      if (typeof frame === 'string') end.keepalives += 1;
      else end.frames.push(frame);
      if (!end.passes(output.pdu)) continue;
      const to = output.peer === 'a' ? this.a : this.b;
      this.#wire.push({ atUs: this.nowUs + DELAY_US, from: end, to, bytes: output.pdu });
    }
  }
}

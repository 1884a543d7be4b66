import type { ControlMessage } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import type { FaInput, FaOutput } from '../../packages/ipcpd/src/core/fa-messages.ts';
import { FlowAllocator } from '../../packages/ipcpd/src/core/flow-allocator.ts';
import { Action, EventQueue } from './event-queue.ts';
import { Dice } from './seeded.ts';

const SECOND = 1_000_000;
const MPL_US = 5 * SECOND;

export interface FaCrowdOptions {
  readonly seed: number;
  readonly flows: number;
  /** Allocations asked for in a second. */
  readonly perSecond: number;
  /** One way, us. */
  readonly delayUs: number;
  /** Of PDUs, per mille. */
  readonly loss: number;
}

type Name = 'a' | 'b';

/** Two IPCPs and very many flows from one to the other, all of which stay. What it notes costs nothing per flow. */
export class FaCrowd {
  /** Either may be given up, to see what it has cost. */
  readonly allocators: Record<Name, FlowAllocator | null>;
  readonly options: FaCrowdOptions;
  nowUs = 0;
  allocated = 0;
  accepted = 0;
  /** Of each code. */
  readonly refused: Record<string, number> = {};
  ended = 0;
  readonly #dice: Dice;
  readonly #queue = new EventQueue();
  readonly #timerAtUs: Record<Name, number> = { a: Infinity, b: Infinity };

  constructor(options: FaCrowdOptions) {
    this.options = options;
    this.#dice = new Dice(options.seed);
    this.allocators = { a: newAllocator(this.#dice.fork()), b: newAllocator(this.#dice.fork()) };
  }

  /** Asks for all flows, and lets time pass until all exchanges are over and their answers forgotten. */
  run(): void {
    for (let flow = 1; flow <= this.options.flows; flow += 1) {
      this.#runUntil(Math.floor((flow * SECOND) / this.options.perSecond));
      const qos = { ...qosCubes.raw, timeout: 3_000 };
      this.#input('a', { t: 'request', flow, peer: 'b', name: 'echo', qos, timeoutMs: 20_000 });
    }
    this.#runUntil(this.nowUs + 40 * SECOND);
  }

  #runUntil(endUs: number): void {
    while (this.#queue.nextAtUs <= endUs) {
      this.nowUs = Math.max(this.nowUs, this.#queue.nextAtUs);
      this.#queue.take().happen();
    }
    this.nowUs = endUs;
  }

  #input(at: Name, input: FaInput): void {
    this.#carryOut(at, this.allocators[at]!.handle(input, this.nowUs));
  }

  #carryOut(at: Name, outputs: readonly FaOutput[]): void {
    for (const output of outputs) {
      if (output.t === 'send') this.#carry(at, output.pdu);
      else if (output.t === 'irmd') this.#tell(at, output.message);
      else if (output.t === 'ended') this.ended += 1;
    }
    this.#arm(at);
  }

  #carry(from: Name, pdu: Uint8Array): void {
    if (this.#dice.chance(this.options.loss)) return;
    const to = from === 'a' ? 'b' : 'a';
    const arrive = (): void => this.#input(to, { t: 'pdu', peer: from, pdu });
    this.#queue.add(this.nowUs + this.options.delayUs, new Action(arrive));
  }

  #tell(at: Name, message: ControlMessage): void {
    if (message.t === 'ipcp-allocated') this.allocated += 1;
    else if (message.t === 'ipcp-refused') this.refused[message.code] = (this.refused[message.code] ?? 0) + 1;
    else if (message.t === 'ipcp-incoming') {
      this.accepted += 1;
      this.#input(at, { t: 'accept', incoming: message.incoming, flow: this.accepted });
    }
  }

  #arm(at: Name): void {
    const atUs = this.allocators[at]!.nextTimeout() ?? Infinity;
    if (atUs >= this.#timerAtUs[at]) return;
    this.#timerAtUs[at] = atUs;
    const due = (): void => {
      if (this.#timerAtUs[at] !== atUs) return;
      this.#timerAtUs[at] = Infinity;
      this.#carryOut(at, this.allocators[at]!.handleTimeout(this.nowUs));
    };
    this.#queue.addTimer(Math.max(this.nowUs, atUs), new Action(due));
  }
}

function newAllocator(dice: Dice): FlowAllocator {
  return new FlowAllocator({
    traits: { lossless: false, mplUs: MPL_US, quarantineUs: 105 * SECOND, rtoInitialUs: 100_000 },
    paramsOf: () => ({ mplMs: 5_000, aMs: 50, rMs: 30_000, mtuBytes: 1_400 }),
    random: dice.u32,
  });
}

import { Prng } from './prng.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A virtual clock with a queue of what happens when. */
export class Simulation {
  nowUs = 0;
  private readonly queue: Due[] = [];
  private order = 0;

  at(at: number, run: () => void): void {
    const q = this.queue;
    const due = { at: Math.max(at, this.nowUs), order: this.order++, run };
    let i = q.push(due) - 1;
    while (i > 0 && before(due, q[(i - 1) >> 1]!)) {
      q[i] = q[(i - 1) >> 1]!;
      i = (i - 1) >> 1;
    }
    q[i] = due;
  }

  runUntil(untilUs: number): void {
    while (this.queue.length > 0 && this.queue[0]!.at <= untilUs) {
      const due = this.pop();
      this.nowUs = due.at;
      due.run();
    }
    this.nowUs = untilUs;
  }

  private pop(): Due {
    const q = this.queue;
    const top = q[0]!;
    const last = q.pop()!;
    const length = q.length;
    if (length === 0) return top;
    let i = 0;
    for (let child = 1; child < length; child = 2 * i + 1) {
      if (child + 1 < length && before(q[child + 1]!, q[child]!)) child++;
      if (!before(q[child]!, last)) break;
      q[i] = q[child]!;
      i = child;
    }
    q[i] = last;
    return top;
  }
}

function before(x: Due, y: Due): boolean {
  return x.at !== y.at ? x.at < y.at : x.order < y.order;
}

export interface BottleneckOptions {
  readonly bitsPerSecond: number;
  /** Both ways, without queueing. */
  readonly rttUs: number;
  /** Most bytes that wait. */
  readonly queueBytes: number;
  /** Of what enters, at random. */
  readonly lossRate: number;
  readonly seed: number;
}

/** A link with a drop-tail queue; the way back is as long and never full. */
export class Bottleneck {
  readonly options: BottleneckOptions;
  readonly sim: Simulation;
  drops = 0;
  losses = 0;
  private readonly random: Prng;
  /** When the last byte of what is in the queue has left. */
  private freeAt = 0;

  constructor(sim: Simulation, options: BottleneckOptions) {
    this.sim = sim;
    this.options = options;
    this.random = new Prng(options.seed);
  }

  /** Sends so many bytes, all headers included; `arrive` runs at the other end unless they are lost. */
  send(bytes: number, arrive: () => void): void {
    const { sim, options } = this;
    if (this.random.chance(options.lossRate)) {
      this.losses++;
      return;
    }
    const usPerByte = 8e6 / options.bitsPerSecond;
    const waitUs = Math.max(0, this.freeAt - sim.nowUs);
    if (waitUs / usPerByte + bytes > options.queueBytes) {
      this.drops++;
      return;
    }
    this.freeAt = sim.nowUs + waitUs + bytes * usPerByte;
    sim.at(this.freeAt + options.rttUs / 2, arrive);
  }

  /** The way back. */
  sendBack(arrive: () => void): void {
    this.sim.at(this.sim.nowUs + this.options.rttUs / 2, arrive);
  }
}

/** What a test of goodput asks of a flow. */
export interface BulkFlow {
  /** Bytes the program at the other end has got. */
  readonly deliveredBytes: number;
  start(): void;
}

/** Jain's index of fairness: 1 when all are equal, 1/n when one has all. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0));
}

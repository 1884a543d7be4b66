import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { Dice } from '../../sim/seeded.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { CLEAN, Link, type Delivery, type Impairment, type LinkCounts } from './link.ts';

/** One of the two hosts, or the socket that faces it. */
export type Side = 'a' | 'b';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface RelayOptions {
  readonly seed: number;
  /** Per side: where we listen, which is what the host takes for its peer, and where the host is. */
  readonly sides: Readonly<Record<Side, { readonly facing: Endpoint; readonly host: Endpoint }>>;
}

/** A datagram as it came in. */
export interface Recorded {
  readonly from: Side;
  readonly atUs: number;
  readonly datagram: Uint8Array;
}

interface Sending extends Delivery {
  readonly from: Side;
}

const OTHER = { a: 'b', b: 'a' } as const;
/** The kernel drops rather than we when the loop is late. */
const RECEIVE_BUFFER_BYTES = 4_194_304;
/** Node's timers are whole milliseconds; the rest is waited for in turns of the loop. */
const TIMER_STEP_US = 1_000;
const WAITING_MAX = 200_000;
const MARK_EVERY_MS = 50;

/** Passes datagrams from one host to the other through two {@link Link}s. Each host takes it for the other. */
export class Relaying {
  readonly #sockets: Record<Side, Socket>;
  readonly #hosts: Record<Side, Endpoint>;
  readonly #facing: Record<Side, Endpoint>;
  /** By where the datagram comes from. */
  readonly #links: Record<Side, Link>;
  readonly #queue = new DeliveryQueue<Sending>();
  #records: Recorded[] = [];
  #recordsMax = 0;
  #wakeAtUs = Infinity;
  #timer: NodeJS.Timeout | null = null;
  #latestUs = 0;

  private constructor({ seed, sides }: RelayOptions, sockets: Record<Side, Socket>) {
    const dice = new Dice(seed);
    this.#links = { a: new Link(dice.fork()), b: new Link(dice.fork()) };
    this.#sockets = sockets;
    this.#hosts = { a: sides.a.host, b: sides.b.host };
    this.#facing = { a: sides.a.facing, b: sides.b.facing };
    for (const from of ['a', 'b'] as const) this.#listen(from);
    this.#markSoon();
  }

  static async open(options: RelayOptions): Promise<Relaying> {
    const { a, b } = options.sides;
    return new Relaying(options, { a: await bound(a.facing), b: await bound(b.facing) });
  }

  impair(from: Side, impairment: Partial<Impairment>): void {
    this.#links[from].impairment = { ...CLEAN, ...impairment };
  }

  counts(from: Side): LinkCounts {
    return this.#links[from].counts;
  }

  /**
   * Like a translator (NAT) that forgot the mapping of `from`: the other host hears it from a new port, or from a
   * new address, and what it sends to the old one is lost. Resolves to the new port.
   */
  async rebind(from: Side, address?: string): Promise<number> {
    const to = OTHER[from];
    const fresh = await bound({ address: address ?? this.#facing[to].address, port: 0 });
    // Not closed: the host's kernel would be told that nobody is there.
    this.#sockets[to].removeAllListeners('message');
    this.#sockets[to] = fresh;
    this.#listen(to);
    return fresh.address().port;
  }

  /**
   * The longest that a datagram was late since this was last asked, beyond what its link wants: because we stood still,
   * or because it waited in the queue of our socket.
   */
  takeLateMs(): number {
    const lateMs = this.#latestUs / 1_000;
    this.#latestUs = 0;
    return lateMs;
  }

  /** Keeps copies of the next `max` datagrams. */
  record(max: number): void {
    this.#records = [];
    this.#recordsMax = max;
  }

  recorded(): readonly Recorded[] {
    return this.#records;
  }

  /** Sends datagrams as if `from` had, past the link's faults. */
  inject(from: Side, datagrams: readonly Uint8Array[]): void {
    for (const datagram of datagrams) this.#send({ from, atUs: 0, datagram });
  }

  #listen(from: Side): void {
    const socket = this.#sockets[from];
    const own = socket.address();
    socket.on('message', (datagram, { address, port }) => {
      if (port === own.port && address === own.address) {
        this.#noteLate(nowUs() - Number(datagram.readBigUInt64BE()));
        return;
      }
      if (address !== this.#hosts[from].address) return;
      // A host that started again may have another port.
      if (port !== this.#hosts[from].port) this.#hosts[from] = { address, port };
      this.#take(from, datagram);
    });
  }

  /** Sends marks to ourselves: when one was due, it says. What makes it late makes all else late. */
  #markSoon(): void {
    const dueUs = nowUs() + 1_000 * MARK_EVERY_MS;
    const mark = Buffer.alloc(8);
    mark.writeBigUInt64BE(BigInt(dueUs));
    setTimeout(() => {
      for (const socket of Object.values(this.#sockets)) {
        const { address, port } = socket.address();
        socket.send(mark, port, address, () => undefined);
      }
      this.#markSoon();
    }, MARK_EVERY_MS).unref();
  }

  #noteLate(lateUs: number): void {
    this.#latestUs = Math.max(this.#latestUs, lateUs);
  }

  #take(from: Side, datagram: Uint8Array): void {
    const atUs = nowUs();
    if (this.#records.length < this.#recordsMax)
      this.#records.push({ from, atUs, datagram: datagram.slice() });
    for (const delivery of this.#links[from].carry(datagram, atUs)) {
      if (delivery.atUs <= atUs) this.#send({ from, ...delivery });
      else if (this.#queue.size < WAITING_MAX) this.#queue.add({ from, ...delivery });
    }
    this.#arm();
  }

  #send({ from, datagram }: Sending): void {
    const to = OTHER[from];
    const { address, port } = this.#hosts[to];
    // An unreachable host is a lossy path.
    this.#sockets[to].send(datagram, port, address, () => undefined);
  }

  #arm(): void {
    const atUs = this.#queue.nextAtUs;
    if (atUs >= this.#wakeAtUs) return;
    this.#wakeAtUs = atUs;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const waitUs = atUs - nowUs();
    if (waitUs > TIMER_STEP_US)
      this.#timer = setTimeout(() => this.#deliver(), Math.floor(waitUs / TIMER_STEP_US));
    else setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#wakeAtUs = Infinity;
    const now = nowUs();
    for (let due = this.#queue.take(now); due !== null; due = this.#queue.take(now)) {
      this.#noteLate(now - due.atUs);
      this.#send(due);
    }
    this.#arm();
  }
}

async function bound({ address, port }: Endpoint): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4' });
  socket.on('error', () => undefined);
  const listening = once(socket, 'listening');
  socket.bind(port, address);
  await listening;
  socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  return socket;
}

function nowUs(): number {
  return Math.floor(performance.now() * 1_000);
}

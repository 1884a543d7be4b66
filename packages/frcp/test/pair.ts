import { FrcpConnection, resolveParams, type FrcpEvent, type FrcpParams } from '../src/index.ts';
import { Prng } from './prng.ts';

/** What a direction of the virtual link does to PDUs. Change it in the middle of a run as you like. */
export interface LinkModel {
  lossRate: number;
  duplicateRate: number;
  corruptRate: number;
  delayUs: number;
  jitterUs: number;
  /** Every PDU is lost. */
  down: boolean;
  /** Keeps the order even with jitter. */
  inOrder: boolean;
  /** Looks at a PDU; false loses it. */
  filter: ((pdu: Uint8Array, nowUs: number) => boolean) | null;
}

export type Side = 'a' | 'b';

export interface PairOptions {
  readonly seed?: number;
  readonly params?: Partial<FrcpParams>;
  readonly paramsOf?: Partial<Record<Side, Partial<FrcpParams>>>;
  readonly link?: Partial<LinkModel>;
  /** Rate of each clock against true time. */
  readonly rate?: Partial<Record<Side, number>>;
  /** Where the numbers of the first run start. */
  readonly firstSeq?: Partial<Record<Side, number>>;
}

export class End {
  readonly side: Side;
  readonly conn: FrcpConnection;
  readonly params: FrcpParams;
  readonly rate: number;
  readonly written: Uint8Array[] = [];
  readonly delivered: Uint8Array[] = [];
  readonly events: FrcpEvent[] = [];
  /** False: the application does not read. */
  reading = true;
  peer!: End;
  out: LinkModel;
  lastArrivalUs = 0;
  sent = 0;

  constructor(side: Side, params: FrcpParams, rate: number, out: LinkModel) {
    this.side = side;
    this.params = params;
    this.rate = rate;
    this.out = out;
    this.conn = new FrcpConnection(params, 0);
  }

  has(type: FrcpEvent['type']): boolean {
    return this.events.some((event) => event.type === type);
  }

  event<T extends FrcpEvent['type']>(type: T): Extract<FrcpEvent, { type: T }> | undefined {
    return this.events.find((event) => event.type === type) as Extract<FrcpEvent, { type: T }> | undefined;
  }
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly to: End | null;
  readonly pdu: Uint8Array | null;
  readonly run: (() => void) | null;
}

/**
 * Two connections over a link that loses, duplicates, reorders, delays and corrupts by a seeded generator, under
 * a virtual clock. After every step the checkers look at both: see {@link Pair.check}.
 */
export class Pair {
  readonly a: End;
  readonly b: End;
  readonly random: Prng;
  nowUs = 0;
  steps = 0;
  /** FNV-1a of everything sent, with its time. */
  traceHash = 0x811c9dc5;
  trace: ((from: Side, nowUs: number, pdu: Uint8Array) => void) | null = null;
  private readonly queue: Due[] = [];
  private order = 0;
  private readonly out = new Uint8Array(1 << 18);

  constructor(options: PairOptions = {}) {
    this.random = new Prng(options.seed ?? 1);
    this.a = this.end('a', options);
    this.b = this.end('b', options);
    this.a.peer = this.b;
    this.b.peer = this.a;
  }

  private end(side: Side, options: PairOptions): End {
    let first = options.firstSeq?.[side];
    const randomU32 = (): number => {
      const value = first ?? this.random.u32();
      first = undefined;
      return value;
    };
    const params = resolveParams({ randomU32, ...options.params, ...options.paramsOf?.[side] });
    return new End(side, params, options.rate?.[side] ?? 1, {
      lossRate: 0,
      duplicateRate: 0,
      corruptRate: 0,
      delayUs: 1_000,
      jitterUs: 0,
      down: false,
      inOrder: false,
      filter: null,
      ...options.link,
    });
  }

  clockOf(end: End): number {
    return Math.floor(this.nowUs * end.rate);
  }

  /** Writes; a message that is queued counts as written. */
  write(end: End, sdu: Uint8Array): string {
    const outcome = end.conn.write(this.clockOf(end), sdu);
    if (outcome === 'queued') end.written.push(sdu.slice());
    this.flush(end);
    return outcome;
  }

  close(end: End): void {
    end.conn.close(this.clockOf(end));
    this.flush(end);
  }

  abort(end: End): void {
    end.conn.abort(this.clockOf(end));
    this.flush(end);
  }

  read(end: End): Uint8Array | null {
    const sdu = end.conn.read();
    if (sdu !== null) end.delivered.push(sdu.slice());
    this.flush(end);
    return sdu;
  }

  /** Hands a PDU to one end as if it had come from the link. */
  inject(to: End, pdu: Uint8Array): void {
    to.conn.handlePdu(this.clockOf(to), pdu, 0, pdu.length);
    this.settle(to);
  }

  after(delayUs: number, run: () => void): void {
    this.push({ at: this.nowUs + delayUs, order: this.order++, to: null, pdu: null, run });
  }

  /** Runs until `done`, at most for `forUs` of virtual time. False if time ran out first. */
  run(forUs: number, done: () => boolean = () => false): boolean {
    const until = this.nowUs + forUs;
    this.flush(this.a);
    this.flush(this.b);
    while (!done()) {
      const next = this.nextAt();
      if (next > until) {
        this.nowUs = until;
        return done();
      }
      this.nowUs = Math.max(this.nowUs, next);
      this.step();
    }
    return true;
  }

  private nextAt(): number {
    const link = this.queue.length > 0 ? this.queue[0]!.at : Infinity;
    return Math.min(link, this.timeoutOf(this.a), this.timeoutOf(this.b));
  }

  private timeoutOf(end: End): number {
    const at = end.conn.nextTimeout();
    return at === null ? Infinity : Math.ceil(at / end.rate);
  }

  private step(): void {
    if (++this.steps > 400_000) throw new Error('the pair never comes to rest');
    const touched = new Set<End>();
    while (this.queue.length > 0 && this.queue[0]!.at <= this.nowUs) {
      const due = this.pop();
      if (due.run !== null) due.run();
      else {
        due.to!.conn.handlePdu(this.clockOf(due.to!), due.pdu!, 0, due.pdu!.length);
        touched.add(due.to!);
      }
    }
    for (const end of [this.a, this.b]) {
      if (this.timeoutOf(end) <= this.nowUs) {
        end.conn.handleTimeout(this.clockOf(end));
        touched.add(end);
      }
    }
    for (const end of touched) this.settle(end);
  }

  /** What a driver does after a turn: read, poll events, send. */
  private settle(end: End): void {
    if (end.reading) {
      for (let sdu = end.conn.read(); sdu !== null; sdu = end.conn.read()) end.delivered.push(sdu.slice());
    }
    this.flush(end);
  }

  flush(end: End): void {
    const now = this.clockOf(end);
    for (;;) {
      const n = end.conn.pollTransmit(now, this.out, 0);
      if (n === 0) break;
      if (n > end.params.mtuBytes) throw new Error(`PDU of ${n} bytes over the MTU`);
      this.send(end, this.out.slice(0, n));
    }
    for (let event = end.conn.pollEvent(); event !== null; event = end.conn.pollEvent())
      end.events.push(event);
    this.check();
  }

  private send(from: End, pdu: Uint8Array): void {
    from.sent++;
    this.hash(from, pdu);
    this.trace?.(from.side, this.nowUs, pdu);
    const link = from.out;
    if (link.down || this.random.chance(link.lossRate)) return;
    if (link.filter !== null && !link.filter(pdu, this.nowUs)) return;
    this.carry(from, pdu);
    if (this.random.chance(link.duplicateRate)) this.carry(from, pdu);
  }

  private carry(from: End, pdu: Uint8Array): void {
    const link = from.out;
    let arrival = this.nowUs + link.delayUs + (link.jitterUs > 0 ? this.random.below(link.jitterUs) : 0);
    if (link.inOrder) arrival = Math.max(arrival, from.lastArrivalUs);
    from.lastArrivalUs = arrival;
    const copy = pdu.slice();
    if (this.random.chance(link.corruptRate))
      copy[this.random.below(copy.length)]! ^= 1 << this.random.below(8);
    this.push({ at: arrival, order: this.order++, to: from.peer, pdu: copy, run: null });
  }

  private hash(from: End, pdu: Uint8Array): void {
    let h = this.traceHash ^ (from.side === 'a' ? 1 : 2) ^ this.nowUs;
    for (let i = 0; i < pdu.length && i < 32; i++) h = Math.imul(h ^ pdu[i]!, 0x01000193);
    this.traceHash = Math.imul(h ^ pdu.length, 0x01000193);
  }

  /**
   * The invariants that can be seen from outside: what is delivered is what was written, once and in order (I1,
   * I2, I4; a subsequence on an unreliable flow, I3); what is acknowledged was accepted (I8); what is held is
   * within the window (I20).
   */
  check(): void {
    this.checkDirection(this.a, this.b);
    this.checkDirection(this.b, this.a);
  }

  private readonly checked = { a: 0, b: 0 };
  private readonly matched = { a: 0, b: 0 };

  private checkDirection(from: End, to: End): void {
    if (to.params.stream) {
      this.checkStream(from, to);
      return;
    }
    for (; this.checked[to.side] < to.delivered.length; this.checked[to.side]++) {
      const sdu = to.delivered[this.checked[to.side]]!;
      if (!to.params.reliable) {
        while (
          this.matched[to.side] < from.written.length &&
          !same(from.written[this.matched[to.side]]!, sdu)
        )
          this.matched[to.side]++;
      }
      const expected = from.written[this.matched[to.side]++];
      if (expected === undefined || !same(expected, sdu))
        throw new Error(`${to.side}: delivery ${this.checked[to.side]} is not what was written`);
    }
    const discards = to.conn.stats.discarded > 0;
    const acked = from.conn.stats.sdusWritten - from.conn.unackedSdus;
    const accepted = to.delivered.length + to.conn.readableSdus;
    if (from.params.reliable && !discards && acked > accepted)
      throw new Error(`${from.side}: ${acked} acknowledged, ${accepted} accepted`);
    if ((this.steps & 15) !== 0) return;
    const receive = to.conn.inspect()['receive'] as { heldBytes: number; readableSdus: number } | null;
    if (receive === null) return;
    if (receive.heldBytes > to.params.windowBytes + to.params.sduMaxBytes)
      throw new Error('window bytes exceeded');
    if (receive.readableSdus > to.params.windowPdus) throw new Error('window PDUs exceeded');
  }

  private readonly streamed = { a: 0, b: 0 };

  /** What is delivered of a stream is a prefix of what was written, in whatever pieces. */
  private checkStream(from: End, to: End): void {
    for (; this.checked[to.side] < to.delivered.length; this.checked[to.side]++) {
      for (const byte of to.delivered[this.checked[to.side]]!) {
        while (from.written[this.matched[to.side]]?.length === this.streamed[to.side]) {
          this.matched[to.side]++;
          this.streamed[to.side] = 0;
        }
        if (from.written[this.matched[to.side]]?.[this.streamed[to.side]++] !== byte)
          throw new Error(`${to.side}: byte ${this.streamed[to.side]} of write ${this.matched[to.side]}`);
      }
    }
  }

  private push(due: Due): void {
    const q = this.queue;
    let i = q.push(due) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(q[i]!, q[up]!)) break;
      [q[i], q[up]] = [q[up]!, q[i]!];
      i = up;
    }
  }

  private pop(): Due {
    const q = this.queue;
    const top = q[0]!;
    const last = q.pop()!;
    if (q.length === 0) return top;
    q[0] = last;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= q.length) break;
      if (child + 1 < q.length && before(q[child + 1]!, q[child]!)) child++;
      if (!before(q[child]!, q[i]!)) break;
      [q[i], q[child]] = [q[child]!, q[i]!];
      i = child;
    }
    return top;
  }
}

function before(x: Due, y: Due): boolean {
  return x.at !== y.at ? x.at < y.at : x.order < y.order;
}

function same(x: Uint8Array, y: Uint8Array): boolean {
  if (x.length !== y.length) return false;
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

/** An SDU whose bytes tell its number, so that no two are alike. */
export function message(n: number, bytes = 16): Uint8Array {
  const sdu = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) sdu[i] = (n >>> ((i & 3) * 8)) ^ (i * 31);
  return sdu;
}

import { Digest } from './digest.ts';
import { FrcpConnection, resolveParams, type FrcpEvent, type FrcpParams } from '../src/index.ts';

/** What a search may do to the PDUs of one run of an exchange, beyond delivering them in any order. */
export interface Faults {
  readonly losses: number;
  readonly copies: number;
  /** Timers that fire while PDUs are still under way: each is a PDU that comes later than it. */
  readonly earlyTimers: number;
}

export interface Exchange {
  readonly params?: Partial<FrcpParams>;
  /** What each program does at the start: SDUs to write, then whether to close. */
  readonly a: { readonly sdus: number; readonly closes?: boolean };
  readonly b: { readonly sdus: number; readonly closes?: boolean };
  readonly firstSeq?: number;
  readonly faults: Faults;
}

export interface Counts {
  /** Different states, of both machines, the PDUs under way and what may still go wrong. */
  states: number;
  /** Ways through them that ended with everything delivered. */
  ends: number;
  steps: number;
}

interface UnderWay {
  readonly to: 0 | 1;
  readonly sentUs: number;
  readonly pdu: Uint8Array;
  readonly isCopy: boolean;
}

interface Side {
  readonly conn: FrcpConnection;
  readonly toSend: number;
  readonly closes: boolean;
  readonly got: number[];
  readonly events: FrcpEvent[];
}

/** A choice at a state: what to do with PDU `n` under way, or a timer. */
type Choice = readonly ['deliver' | 'lose' | 'copy', number] | readonly ['timer'];

const FIRST_SEQ = 1_000;
/** A run with this many timers has gone wrong, or the network has been gone for longer than R. */
const TIMERS_MAX = 60;

/** One way through an exchange, made by its choices from the start: machines cannot be copied. */
class World {
  nowUs = 1_000;
  readonly under: UnderWay[] = [];
  readonly sides: readonly [Side, Side];
  losses: number;
  copies: number;
  earlyTimers: number;
  timers = 0;
  private readonly params: FrcpParams;
  private readonly out = new Uint8Array(2_048);

  constructor(exchange: Exchange) {
    ({ losses: this.losses, copies: this.copies, earlyTimers: this.earlyTimers } = exchange.faults);
    const first = exchange.firstSeq ?? FIRST_SEQ;
    this.params = resolveParams({ randomU32: () => first, ...exchange.params });
    this.sides = [this.side(exchange.a), this.side(exchange.b)];
    for (const side of this.sides) {
      for (let n = 0; n < side.toSend; n++) side.conn.write(this.nowUs, new Uint8Array([n]));
      if (side.closes) side.conn.close(this.nowUs);
    }
    this.poll(0);
    this.poll(1);
  }

  private side({ sdus, closes = false }: { sdus: number; closes?: boolean }): Side {
    const conn = new FrcpConnection(this.params, this.nowUs);
    return { conn, toSend: sdus, closes, got: [], events: [] };
  }

  private poll(which: 0 | 1): void {
    const { conn, got, events } = this.sides[which];
    for (let sdu = conn.read(); sdu !== null; sdu = conn.read()) got.push(sdu[0]!);
    for (;;) {
      const size = conn.pollTransmit(this.nowUs, this.out, 0);
      if (size === 0) break;
      const pdu = this.out.slice(0, size);
      this.under.push({ to: which === 0 ? 1 : 0, sentUs: this.nowUs, pdu, isCopy: false });
    }
    for (let event = conn.pollEvent(); event !== null; event = conn.pollEvent()) events.push(event);
  }

  private get nextTimerUs(): number {
    return Math.min(...this.sides.map(({ conn }) => conn.nextTimeout() ?? Infinity));
  }

  choices(): Choice[] {
    const found: Choice[] = [];
    const seen = new Set<string>();
    for (const [n, one] of this.under.entries()) {
      const alike = `${one.to} ${String(one.pdu)}`;
      if (seen.has(alike)) continue;
      seen.add(alike);
      found.push(['deliver', n]);
      if (this.losses > 0) found.push(['lose', n]);
      if (this.copies > 0 && !one.isCopy) found.push(['copy', n]);
    }
    if (this.mayFireTimer()) found.push(['timer']);
    return found;
  }

  /** A PDU is delivered or lost within MPL, so a timer later than that must wait for it. */
  private mayFireTimer(): boolean {
    const at = this.nextTimerUs;
    if (at === Infinity) return false;
    if (this.under.length === 0) return true;
    return this.earlyTimers > 0 && this.under.every(({ sentUs }) => at <= sentUs + this.params.mplUs);
  }

  take(choice: Choice): void {
    if (choice[0] === 'timer') this.fireTimer();
    else this.takePdu(choice[0], choice[1]);
    this.check();
  }

  private fireTimer(): void {
    if (++this.timers > TIMERS_MAX) throw new Error('timers without end');
    if (this.under.length > 0) this.earlyTimers--;
    this.nowUs = Math.max(this.nowUs, this.nextTimerUs);
    for (const which of [0, 1] as const) {
      const { conn } = this.sides[which];
      if ((conn.nextTimeout() ?? Infinity) > this.nowUs) continue;
      conn.handleTimeout(this.nowUs);
      this.poll(which);
    }
  }

  private takePdu(how: 'deliver' | 'lose' | 'copy', n: number): void {
    const [one] = this.under.splice(n, 1) as [UnderWay];
    if (how === 'lose') {
      this.losses--;
      return;
    }
    if (how === 'copy') {
      this.copies--;
      this.under.push({ ...one, isCopy: true });
    }
    this.sides[one.to].conn.handlePdu(this.nowUs, one.pdu, 0, one.pdu.length);
    this.poll(one.to);
  }

  /** Each SDU once, in order; without retransmission in order at most once. Nothing acknowledged that is not there. */
  private check(): void {
    for (const which of [0, 1] as const) {
      const [to, from] = [this.sides[which], this.sides[which === 0 ? 1 : 0]];
      const { got } = to;
      const isOrdered = got.every((sdu, i) =>
        this.params.reliable ? sdu === i : i === 0 || sdu > got[i - 1]!,
      );
      if (!isOrdered) throw new Error(`delivered ${String(got)}`);
      const acked = from.toSend - from.conn.unackedSdus;
      if (this.params.reliable && !to.closes && acked > got.length)
        throw new Error(`${acked} acknowledged, ${got.length} delivered`);
      if (to.events.some(({ type }) => type === 'down')) throw new Error('down');
    }
  }

  get isComplete(): boolean {
    if (this.under.length > 0) return false;
    return this.sides.every((side, which) => {
      const peer = this.sides[which === 0 ? 1 : 0]!;
      const hasAll = side.got.length === peer.toSend || side.closes || !this.params.reliable;
      // Who closes does not wait for the other's end: its own marker's answer does.
      const hasEnd = !peer.closes || side.closes || side.events.some(({ type }) => type === 'end');
      const isClosed = !side.closes || side.events.some(({ type }) => type === 'closed');
      return side.conn.unackedSdus === 0 && hasAll && hasEnd && isClosed;
    });
  }

  /** A digest of all that the future depends on: two worlds with one key do the same from here. */
  key(): number {
    const under = this.under.map(({ to, sentUs, pdu, isCopy }) => `${to}${sentUs}${String(pdu)}${isCopy}`);
    const digest = new Digest();
    digest.add([this.nowUs, this.losses, this.copies, this.earlyTimers, under.sort()]);
    for (const { conn, got, events } of this.sides) digest.add([conn, got, events]);
    return digest.value;
  }
}

/** Goes every way through an exchange, each state once. Throws what a check finds, with the way that led there. */
export function search(exchange: Exchange): Counts {
  const counts: Counts = { states: 0, ends: 0, steps: 0 };
  const seen = new Set<number>();
  const way: Choice[] = [];
  const replay = (): World => {
    const world = new World(exchange);
    for (const choice of way) world.take(choice);
    counts.steps += way.length;
    return world;
  };
  const visit = (world: World): void => {
    const key = world.key();
    if (seen.has(key)) return;
    seen.add(key);
    counts.states++;
    if (world.isComplete) {
      counts.ends++;
      return;
    }
    const choices = world.choices();
    if (choices.length === 0) throw new Error('stuck');
    for (const [n, choice] of choices.entries()) {
      const next = n === choices.length - 1 ? world : replay();
      way.push(choice);
      next.take(choice);
      visit(next);
      way.pop();
    }
  };
  try {
    visit(replay());
  } catch (error) {
    throw new Error(`${(error as Error).message} after ${JSON.stringify(way)}`, { cause: error });
  }
  return counts;
}

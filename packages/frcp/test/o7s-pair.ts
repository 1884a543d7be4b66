import { FrcpConnection, O7S_WIRE, resolveParams, type FrcpEvent, type FrcpParams } from '../src/index.ts';
import { O7sPeer } from './o7s-peer.ts';
import { Prng } from './prng.ts';

export interface O7sPairOptions {
  readonly seed?: number;
  readonly params?: Partial<FrcpParams>;
  readonly lossRate?: number;
  readonly delayUs?: number;
}

interface Due {
  readonly atUs: number;
  readonly run: () => void;
}

/** Our machine speaking the C format, and the description of the C prototype, over a link under a virtual clock. */
export class O7sPair {
  readonly conn: FrcpConnection;
  readonly peer: O7sPeer;
  readonly events: FrcpEvent[] = [];
  /** What each end's program has read. */
  readonly ours: Uint8Array[] = [];
  readonly theirs: Uint8Array[] = [];
  reading = { us: true, them: true };
  lossRate: number;
  nowUs = 1_000_000_000;
  /** All that we sent. */
  readonly sent: Uint8Array[] = [];
  onSent: ((pdu: Uint8Array) => boolean) | null = null;
  private readonly delayUs: number;
  private readonly random: Prng;
  private readonly dues: Due[] = [];
  private readonly out = new Uint8Array(16_384);

  constructor(options: O7sPairOptions = {}) {
    this.random = new Prng(options.seed ?? 1);
    this.lossRate = options.lossRate ?? 0;
    this.delayUs = options.delayUs ?? 500;
    const randomU32 = (): number => this.random.u32();
    const params = resolveParams({ randomU32, wire: O7S_WIRE, ...options.params });
    this.conn = new FrcpConnection(params, this.nowUs);
    this.peer = new O7sPeer(params.reliable, randomU32);
  }

  write(sdu: Uint8Array): string {
    const outcome = this.conn.write(this.nowUs, sdu);
    this.flush();
    return outcome;
  }

  peerWrites(sdu: Uint8Array): boolean {
    const done = this.peer.write(this.nowUs, sdu);
    this.flush();
    return done;
  }

  after(delayUs: number, run: () => void): void {
    this.dues.push({ atUs: this.nowUs + delayUs, run });
  }

  run(forUs: number, done: () => boolean = () => false): boolean {
    const until = this.nowUs + forUs;
    this.flush();
    for (let n = 0; !done(); n++) {
      if (n > 300_000) throw new Error('never comes to rest');
      const at = Math.min(
        this.conn.nextTimeout() ?? Infinity,
        this.peer.nextUs,
        ...this.dues.map((d) => d.atUs),
      );
      if (at > until) {
        this.nowUs = until;
        return done();
      }
      this.nowUs = Math.max(this.nowUs, at);
      this.turn();
    }
    return true;
  }

  private turn(): void {
    const now = this.nowUs;
    for (
      let i = this.dues.findIndex((d) => d.atUs <= now);
      i >= 0;
      i = this.dues.findIndex((d) => d.atUs <= now)
    )
      this.dues.splice(i, 1)[0]!.run();
    if ((this.conn.nextTimeout() ?? Infinity) <= now) this.conn.handleTimeout(now);
    if (this.peer.nextUs <= now) this.peer.tick(now);
    this.flush();
  }

  flush(): void {
    if (this.reading.us)
      for (let sdu = this.conn.read(); sdu !== null; sdu = this.conn.read()) this.ours.push(sdu.slice());
    if (this.reading.them)
      for (let sdu = this.peer.read(); sdu !== null; sdu = this.peer.read()) this.theirs.push(sdu);
    for (;;) {
      const n = this.conn.pollTransmit(this.nowUs, this.out, 0);
      if (n === 0) break;
      const pdu = this.out.slice(0, n);
      this.sent.push(pdu);
      if (this.onSent?.(pdu) !== false) this.carry(() => this.peer.receive(this.nowUs, pdu));
    }
    for (const pdu of this.peer.out.splice(0))
      this.carry(() => this.conn.handlePdu(this.nowUs, pdu, 0, pdu.length));
    for (let event = this.conn.pollEvent(); event !== null; event = this.conn.pollEvent())
      this.events.push(event);
  }

  private carry(arrive: () => void): void {
    if (!this.random.chance(this.lossRate)) this.after(this.delayUs, arrive);
  }
}

import { FrcpConnection, resolveParams, type FrcpParams } from '../src/index.ts';
import type { Bottleneck, BulkFlow } from './bottleneck.ts';
import { Prng } from './prng.ts';

/** UDP over IPv4. */
const LOWER_HEADER_BYTES = 28;
/** 1,500 bytes on the wire, 1,448 of them user data, as TCP has with its timestamps. */
const MTU_BYTES = 1_500 - LOWER_HEADER_BYTES;
const SDU_BYTES = 1_448;

/** A connection whose program always has something to send, over a bottleneck. */
export class FrcpBulkFlow implements BulkFlow {
  deliveredBytes = 0;
  readonly sender: FrcpConnection;
  readonly receiver: FrcpConnection;
  private readonly link: Bottleneck;
  private readonly lateUs: number;
  private readonly random: Prng;
  private readonly out = new Uint8Array(2_048);
  private readonly sdu = new Uint8Array(SDU_BYTES);
  private readonly armed = new Map<FrcpConnection, number>();

  /** `lateUs`: timers come up to so much late, as Node's do. */
  constructor(link: Bottleneck, seed: number, params: Partial<FrcpParams> = {}, lateUs = 1_000) {
    this.link = link;
    this.lateUs = lateUs;
    this.random = new Prng(seed);
    const resolved = resolveParams({
      mtuBytes: MTU_BYTES,
      windowBytes: 12 << 20,
      windowFirstBytes: 524_288,
      windowPdus: 16_384,
      congestion: 'cubic',
      randomU32: () => this.random.u32(),
      ...params,
    });
    this.sender = new FrcpConnection(resolved, 0);
    this.receiver = new FrcpConnection(resolved, 0);
  }

  start(): void {
    this.settle(this.sender);
  }

  private settle(conn: FrcpConnection): void {
    const now = Math.floor(this.link.sim.nowUs);
    if (conn === this.sender) while (conn.write(now, this.sdu) === 'queued');
    else for (let sdu = conn.read(); sdu !== null; sdu = conn.read()) this.deliveredBytes += sdu.length;
    for (let n = conn.pollTransmit(now, this.out, 0); n > 0; n = conn.pollTransmit(now, this.out, 0)) {
      this.transmit(conn, this.out.slice(0, n));
    }
    while (conn.pollEvent() !== null);
    this.arm(conn);
  }

  private transmit(conn: FrcpConnection, pdu: Uint8Array): void {
    const { link, sender, receiver } = this;
    if (conn === sender) link.send(pdu.length + LOWER_HEADER_BYTES, () => this.arrive(receiver, pdu));
    else link.sendBack(() => this.arrive(sender, pdu));
  }

  private arrive(conn: FrcpConnection, pdu: Uint8Array): void {
    conn.handlePdu(Math.floor(this.link.sim.nowUs), pdu, 0, pdu.length);
    this.settle(conn);
  }

  private arm(conn: FrcpConnection): void {
    const due = conn.nextTimeout();
    if (due === null || (this.armed.get(conn) ?? Infinity) <= due) return;
    this.armed.set(conn, due);
    const { sim } = this.link;
    const late = this.lateUs === 0 ? 0 : this.random.below(this.lateUs);
    sim.at(Math.max(due, sim.nowUs) + late, () => {
      if (this.armed.get(conn) !== due) return;
      this.armed.delete(conn);
      conn.handleTimeout(Math.floor(sim.nowUs));
      this.settle(conn);
    });
  }
}

import type { Bottleneck, BulkFlow } from './bottleneck.ts';

/** IPv4, TCP and its timestamps. */
const HEADER_BYTES = 52;
const SEGMENT_BYTES = 1_448;
const INITIAL_WINDOW = 10;
const C = 0.4;
const BETA = 0.7;
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
const RTO_MIN_US = 200_000;
const RTO_INITIAL_US = 1_000_000;
const RTO_MAX_US = 120_000_000;
/** Linux acknowledges every segment at the begin of a connection, then every second, at the latest after 40 ms. */
const QUICK_ACKS = 16;
const DELAYED_ACK_US = 40_000;
const DUP_THRESHOLD = 3;
/** Linux tells three ranges beside timestamps. */
const SACK_BLOCKS = 3;
/** Linux's HyStart: not below this window; gap that ends a train of acknowledgements; samples of a round. */
const HYSTART_LOW_WINDOW = 16;
const HYSTART_ACK_DELTA_US = 2_000;
const HYSTART_SAMPLES = 8;

type State = 'open' | 'recovery' | 'loss';

interface Segment {
  sentAt: number;
  resent: boolean;
  sacked: boolean;
  lost: boolean;
}

interface Ack {
  readonly next: number;
  readonly blocks: readonly (readonly [number, number])[];
  /** Time of sending of the segment that provoked it. */
  readonly echo: number;
}

/** CUBIC's window in segments (RFC 9438), with HyStart as in Linux (delay and acknowledgement train). */
class CubicWindow {
  cwnd = INITIAL_WINDOW;
  ssthresh = Infinity;
  private wMax = 0;
  private prior = 0;
  private epochAt = -1;
  private k = 0;
  private wEst = 0;
  private flat = false;
  private roundEnd = 0;
  private roundAt = 0;
  private lastAckAt = 0;
  private roundRttUs = Infinity;
  private samples = 0;
  private minUs = Infinity;

  onAck(now: number, acked: number, srttUs: number): void {
    if (this.cwnd < this.ssthresh) {
      this.cwnd = Math.min(this.cwnd + acked, Math.max(this.ssthresh, this.cwnd));
      return;
    }
    if (this.epochAt < 0) this.startEpoch(now);
    const t = (now - this.epochAt) / 1e6;
    this.wEst += ((this.wEst < this.prior ? ALPHA : 1) * acked) / this.cwnd;
    const curve = (s: number): number => C * (s - this.k) ** 3 + this.wMax;
    if (curve(t) < this.wEst) this.cwnd = Math.max(this.cwnd, this.wEst);
    else {
      const target = Math.min(Math.max(curve(t + srttUs / 1e6), this.cwnd), 1.5 * this.cwnd);
      this.cwnd += ((target - this.cwnd) / this.cwnd) * acked;
    }
  }

  private startEpoch(now: number): void {
    this.epochAt = now;
    this.wEst = this.cwnd;
    if (this.flat || this.wMax < this.cwnd) {
      this.wMax = this.cwnd;
      this.k = 0;
    } else this.k = Math.cbrt((this.wMax - this.cwnd) / C);
    this.flat = false;
  }

  /** One round trip of a segment sent once, while in slow start. */
  onRtt(now: number, rttUs: number, una: number, nxt: number): void {
    this.minUs = Math.min(this.minUs, rttUs);
    if (this.cwnd >= this.ssthresh || this.ssthresh !== Infinity) return;
    if (una > this.roundEnd) this.startRound(now, nxt);
    if (this.cwnd < HYSTART_LOW_WINDOW) return;
    if (now - this.lastAckAt <= HYSTART_ACK_DELTA_US) {
      this.lastAckAt = now;
      if (now - this.roundAt > this.minUs / 2) this.leaveSlowStart();
    }
    this.samples++;
    this.roundRttUs = Math.min(this.roundRttUs, rttUs);
    const thresh = Math.min(Math.max(this.minUs / 8, 4_000), 16_000);
    if (this.samples >= HYSTART_SAMPLES && this.roundRttUs > this.minUs + thresh) this.leaveSlowStart();
  }

  private startRound(now: number, nxt: number): void {
    this.roundEnd = nxt;
    this.roundAt = this.lastAckAt = now;
    this.roundRttUs = Infinity;
    this.samples = 0;
  }

  private leaveSlowStart(): void {
    this.ssthresh = this.cwnd;
    this.flat = true;
  }

  onLoss(): void {
    this.prior = this.cwnd;
    this.wMax = this.cwnd < this.wMax ? (this.cwnd * (1 + BETA)) / 2 : this.cwnd;
    this.ssthresh = Math.max(2, this.cwnd * BETA);
    this.epochAt = -1;
    this.flat = false;
  }

  onTimeout(first: boolean): void {
    if (first) this.onLoss();
    this.cwnd = 1;
    this.epochAt = -1;
  }
}

/** The receiving half: delayed acknowledgements, at once for what is out of order. */
class TcpReceiver {
  next = 0;
  private readonly held = new Set<number>();
  private readonly blocks: [number, number][] = [];
  private unacked = 0;
  private received = 0;
  private timerId = 0;
  private readonly link: Bottleneck;
  private readonly answer: (ack: Ack) => void;

  constructor(link: Bottleneck, answer: (ack: Ack) => void) {
    this.link = link;
    this.answer = answer;
  }

  onSegment(seq: number, sentAt: number): void {
    this.received++;
    if (seq === this.next) this.advance(sentAt);
    else {
      if (seq > this.next && !this.held.has(seq)) this.hold(seq);
      this.acknowledge(sentAt);
    }
  }

  private advance(sentAt: number): void {
    const hadGap = this.held.size > 0;
    this.next++;
    while (this.held.delete(this.next)) this.next++;
    for (let n = this.blocks.length - 1; n >= 0; n--) {
      if (this.blocks[n]![1] <= this.next) this.blocks.splice(n, 1);
    }
    this.unacked++;
    if (hadGap || this.unacked >= 2 || this.received <= QUICK_ACKS) this.acknowledge(sentAt);
    else if (this.unacked === 1) {
      const id = ++this.timerId;
      const { sim } = this.link;
      sim.at(sim.nowUs + DELAYED_ACK_US, () => {
        if (id === this.timerId && this.unacked > 0) this.acknowledge(sentAt);
      });
    }
  }

  /** The newest range first (RFC 2018). */
  private hold(seq: number): void {
    this.held.add(seq);
    let block: [number, number] = [seq, seq + 1];
    for (let n = this.blocks.length - 1; n >= 0; n--) {
      const other = this.blocks[n]!;
      if (other[1] !== block[0] && other[0] !== block[1]) continue;
      block = [Math.min(block[0], other[0]), Math.max(block[1], other[1])];
      this.blocks.splice(n, 1);
    }
    this.blocks.unshift(block);
  }

  private acknowledge(echo: number): void {
    this.unacked = 0;
    this.timerId++;
    const ack: Ack = {
      next: this.next,
      blocks: this.blocks.slice(0, SACK_BLOCKS).map(([from, to]) => [from, to] as const),
      echo,
    };
    this.link.sendBack(() => this.answer(ack));
  }
}

/**
 * TCP as Linux has it, for comparison: CUBIC (RFC 9438), HyStart, SACK, RACK-TLP (RFC 8985), proportional rate
 * reduction (RFC 6937), delayed acknowledgements, 1,448 bytes a segment, initial window 10, no pacing, a program that always has
 * something to send and a receiver that always reads.
 */
export class TcpCubicFlow implements BulkFlow {
  timeouts = 0;
  retransmits = 0;
  private readonly window = new CubicWindow();
  private readonly link: Bottleneck;
  private readonly receiver: TcpReceiver;
  private readonly segments: Segment[] = [];
  private una = 0;
  private nxt = 0;
  private state: State = 'open';
  private recoveryEnd = 0;
  private sackedCount = 0;
  private lostCount = 0;
  /** Of those under way: sent, not sacked, not lost. */
  private pipe = 0;
  private lostHint = 0;
  private sackHigh = 0;
  private srttUs = NaN;
  private rttvarUs = 0;
  private minUs = Infinity;
  private backoff = 0;
  private rackSentAt = -1;
  private rackSeq = -1;
  private rackRttUs = 0;
  private prr = { flight: 1, delivered: 0, out: 0 };
  private timerId = 0;
  private probeOut = false;

  constructor(link: Bottleneck) {
    this.link = link;
    this.receiver = new TcpReceiver(link, (ack) => this.onAck(ack));
  }

  get deliveredBytes(): number {
    return this.receiver.next * SEGMENT_BYTES;
  }

  get cwndSegments(): number {
    return this.window.cwnd;
  }

  start(): void {
    this.send();
  }

  private get now(): number {
    return this.link.sim.nowUs;
  }

  private transmit(seq: number): void {
    this.pipe++;
    if (this.state === 'recovery') this.prr.out++;
    const sentAt = this.now;
    this.link.send(SEGMENT_BYTES + HEADER_BYTES, () => this.receiver.onSegment(seq, sentAt));
  }

  private send(): void {
    while (this.pipe < Math.floor(this.window.cwnd)) {
      if (this.lostCount > 0) this.resendFirstLost();
      else this.sendNew();
    }
    if (this.timerId === 0) this.arm();
  }

  private sendNew(): void {
    this.segments[this.nxt] = { sentAt: this.now, resent: false, sacked: false, lost: false };
    this.transmit(this.nxt++);
    // A probe is due so long after the last transmission.
    if (this.state === 'open' && this.backoff === 0 && !this.probeOut) this.arm();
  }

  private resendFirstLost(): void {
    while (!this.segments[this.lostHint]!.lost) this.lostHint++;
    const segment = this.segments[this.lostHint]!;
    segment.lost = false;
    segment.resent = true;
    segment.sentAt = this.now;
    this.lostCount--;
    this.retransmits++;
    this.transmit(this.lostHint);
  }

  private onAck(ack: Ack): void {
    const before = this.una;
    let delivered = 0;
    for (; this.una < ack.next; this.una++) delivered += this.deliver(this.una);
    for (const [from, to] of ack.blocks) {
      for (let seq = Math.max(from, this.una); seq < to; seq++) {
        if (this.segments[seq]!.sacked) continue;
        delivered += this.deliver(seq);
        this.segments[seq]!.sacked = true;
        this.sackedCount++;
      }
      this.sackHigh = Math.max(this.sackHigh, to);
    }
    this.lostHint = Math.max(this.lostHint, this.una);
    const movedOn = this.una > before;
    if (movedOn) {
      this.backoff = 0;
      this.probeOut = false;
    }
    this.sampleRtt(this.now - ack.echo);
    const found = this.detectLosses();
    this.moveState(found, delivered, movedOn);
    this.segments.fill(undefined as never, before, this.una);
    if (movedOn) this.arm();
    this.send();
  }

  /** Counts one segment as arrived; 1 unless it was sacked before. */
  private deliver(seq: number): number {
    const segment = this.segments[seq]!;
    if (segment.sacked) {
      this.sackedCount--;
      return 0;
    }
    if (segment.lost) {
      segment.lost = false;
      this.lostCount--;
    } else this.pipe--;
    const rttUs = this.now - segment.sentAt;
    if (!segment.resent || rttUs >= this.minUs) this.noteNewest(seq, segment.sentAt, rttUs);
    return 1;
  }

  private noteNewest(seq: number, sentAt: number, rttUs: number): void {
    if (sentAt < this.rackSentAt || (sentAt === this.rackSentAt && seq < this.rackSeq)) return;
    this.rackSentAt = sentAt;
    this.rackSeq = seq;
    this.rackRttUs = rttUs;
  }

  private sampleRtt(rttUs: number): void {
    this.minUs = Math.min(this.minUs, rttUs);
    this.window.onRtt(this.now, rttUs, this.una, this.nxt);
    if (this.srttUs !== this.srttUs) {
      this.srttUs = rttUs;
      this.rttvarUs = rttUs / 2;
      return;
    }
    this.rttvarUs += (Math.abs(rttUs - this.srttUs) - this.rttvarUs) / 4;
    this.srttUs += (rttUs - this.srttUs) / 8;
  }

  /** RACK without reordering: its window is zero in recovery and from three sacked segments on. */
  private detectLosses(): number {
    const isSure = this.state !== 'open' || this.sackedCount >= DUP_THRESHOLD;
    const graceUs = this.rackRttUs + (isSure ? 0 : this.minUs / 4);
    let found = 0;
    let waitUs = -1;
    for (let seq = this.una; seq < this.nxt; seq++) {
      const segment = this.segments[seq]!;
      const isBefore =
        segment.sentAt < this.rackSentAt || (segment.sentAt === this.rackSentAt && seq < this.rackSeq);
      if (!isBefore) {
        if (!segment.resent && seq >= this.sackHigh) break;
        continue;
      }
      if (segment.sacked || segment.lost) continue;
      const leftUs = segment.sentAt + graceUs - this.now;
      if (leftUs > 0) {
        waitUs = Math.max(waitUs, leftUs);
        continue;
      }
      this.markLost(seq, segment);
      found++;
    }
    if (waitUs > 0) this.recheckAfter(waitUs);
    return found;
  }

  private recheckAfter(waitUs: number): void {
    this.link.sim.at(this.now + waitUs, () => {
      const found = this.detectLosses();
      if (found > 0) this.moveState(found, 0, false);
      this.send();
    });
  }

  private markLost(seq: number, segment: Segment): void {
    segment.lost = true;
    this.lostCount++;
    this.pipe--;
    this.lostHint = Math.min(this.lostHint, seq);
  }

  private moveState(found: number, delivered: number, movedOn: boolean): void {
    if (this.state !== 'open' && this.una >= this.recoveryEnd) {
      if (this.state === 'recovery') this.window.cwnd = this.window.ssthresh;
      this.state = 'open';
    }
    if (this.state === 'open' && this.lostCount > 0) {
      this.state = 'recovery';
      this.recoveryEnd = this.nxt;
      this.prr = { flight: Math.max(1, this.pipe + found), delivered: 0, out: 0 };
      this.window.onLoss();
    }
    if (this.state === 'recovery') this.reduce(delivered, found === 0 && movedOn);
    else this.window.onAck(this.now, delivered, this.srttUs);
  }

  private reduce(delivered: number, isClean: boolean): void {
    const { prr, window, pipe } = this;
    prr.delivered += delivered;
    let more = prr.delivered - prr.out;
    if (pipe > window.ssthresh) more = Math.ceil((prr.delivered * window.ssthresh) / prr.flight) - prr.out;
    else more = Math.min(window.ssthresh - pipe, isClean ? Math.max(more, delivered) + 1 : more);
    if (prr.out === 0) more = Math.max(more, 1);
    window.cwnd = pipe + Math.max(0, more);
  }

  private get rtoUs(): number {
    const base =
      this.srttUs !== this.srttUs ? RTO_INITIAL_US : this.srttUs + Math.max(4 * this.rttvarUs, RTO_MIN_US);
    return Math.min(base * 2 ** this.backoff, RTO_MAX_US);
  }

  /** One timer: first a tail probe (RFC 8985 7), then the timeout. */
  private arm(): void {
    const id = ++this.timerId;
    if (this.una === this.nxt) {
      this.timerId = 0;
      return;
    }
    const mayProbe = this.state === 'open' && !this.probeOut && this.sackedCount === 0 && this.backoff === 0;
    const probeUs = 2 * this.srttUs + (this.nxt - this.una === 1 ? RTO_MIN_US : 2_000);
    const isProbe = mayProbe && probeUs < this.rtoUs;
    this.link.sim.at(this.now + (isProbe ? probeUs : this.rtoUs), () => {
      if (id !== this.timerId) return;
      if (isProbe) this.probe();
      else this.onTimeout();
    });
  }

  private probe(): void {
    this.probeOut = true;
    this.sendNew();
    this.arm();
  }

  private onTimeout(): void {
    this.timeouts++;
    this.window.onTimeout(this.state !== 'loss');
    this.backoff++;
    this.state = 'loss';
    this.recoveryEnd = this.nxt;
    for (let seq = this.una; seq < this.nxt; seq++) {
      const segment = this.segments[seq]!;
      if (!segment.sacked && !segment.lost) this.markLost(seq, segment);
    }
    this.arm();
    this.send();
  }
}

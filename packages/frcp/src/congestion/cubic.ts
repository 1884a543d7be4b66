import type { DurationUs, InstantUs } from '../time.ts';
import { initialWindowBytes, minimumWindowBytes, type CongestionPolicy } from './congestion-policy.ts';
import { HyStart } from './hystart.ts';

/** RFC 9438 5: PDUs per s^3. */
const C = 0.4;
/** What is left of the window after congestion. */
const BETA = 0.7;
/** The same after a loss that queues did not cause (TCP Veno's, which has 0.8 beside Reno's 0.5; Fu, Liew 2003). */
const BETA_RANDOM = 0.9;
/** Growth a round trip that gives a Reno flow's share at this BETA. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
const US_PER_S = 1e6;
/** Largest growth for one acknowledgement in slow start where nothing is paced (RFC 9406 L). */
const BURST_PDUS = 8;

/** CUBIC (RFC 9438), which leaves its first slow start by HyStart++ (RFC 9406). */
//= R-FRCP-102
export class Cubic implements CongestionPolicy {
  readonly name = 'cubic';
  cwndBytes = 0;
  ssthreshBytes = Infinity;
  private readonly hystart = new HyStart();
  private readonly isPaced: boolean;
  private pduMax = 0;
  /** The window before the last congestion, reduced where flows come in. */
  private wMax = 0;
  /** The window just before the last congestion. */
  private prior = 0;
  /** Begin of congestion avoidance; -1: not begun. */
  private epochAt: InstantUs = -1;
  /** Seconds from there until the curve is back at `wMax`. */
  private k = 0;
  private wEst = 0;
  /** Neither loss nor timeout led here: the curve starts flat (RFC 9438 4.8, 4.10). */
  private flatStart = false;
  /** When the sender was last bounded by this window. */
  private lastAckedAt: InstantUs = -1;
  private readonly saved = {
    cwnd: 0,
    ssthresh: 0,
    wMax: 0,
    prior: 0,
    epochAt: -1,
    k: 0,
    wEst: 0,
    flat: false,
  };

  constructor(pduMaxBytes: number, isPaced: boolean) {
    this.isPaced = isPaced;
    this.reset(pduMaxBytes);
  }

  onRtt(rttUs: DurationUs, una: number, nxt: number): void {
    if (this.ssthreshBytes !== Infinity || !this.hystart.onRtt(rttUs, una, nxt)) return;
    this.ssthreshBytes = this.cwndBytes;
    this.flatStart = true;
  }

  onAcked(now: InstantUs, bytes: number, srttUs: DurationUs): void {
    if (this.cwndBytes < this.ssthreshBytes) {
      this.slowStart(bytes);
      return;
    }
    if (this.epochAt < 0) this.startEpoch(now);
    else if (now - this.lastAckedAt > srttUs) this.epochAt += Math.max(0, now - this.lastAckedAt - srttUs);
    this.lastAckedAt = now;
    this.avoidCongestion(now, bytes, srttUs);
  }

  private slowStart(bytes: number): void {
    const burst = this.isPaced ? Infinity : BURST_PDUS * this.pduMax;
    const initial = this.ssthreshBytes === Infinity;
    const growth = initial ? this.hystart.growth(bytes, burst) : Math.min(bytes, burst);
    this.cwndBytes = Math.min(this.cwndBytes + growth, Math.max(this.ssthreshBytes, this.cwndBytes));
  }

  private startEpoch(now: InstantUs): void {
    const { cwndBytes, pduMax } = this;
    this.epochAt = this.lastAckedAt = now;
    this.wEst = cwndBytes;
    if (this.flatStart || this.wMax < cwndBytes) {
      this.wMax = cwndBytes;
      this.k = 0;
      if (this.flatStart) this.prior = cwndBytes;
    } else this.k = Math.cbrt((this.wMax - cwndBytes) / pduMax / C);
    this.flatStart = false;
  }

  /** W_cubic, bytes, so many seconds into the epoch (RFC 9438 4.2). */
  private curve(seconds: number): number {
    return C * (seconds - this.k) ** 3 * this.pduMax + this.wMax;
  }

  private avoidCongestion(now: InstantUs, bytes: number, srttUs: DurationUs): void {
    const { cwndBytes, pduMax } = this;
    const seconds = (now - this.epochAt) / US_PER_S;
    const alpha = this.wEst < this.prior ? ALPHA : 1;
    this.wEst += (alpha * bytes * pduMax) / cwndBytes;
    if (this.curve(seconds) < this.wEst) {
      this.cwndBytes = Math.max(cwndBytes, this.wEst);
      return;
    }
    const target = this.curve(seconds + srttUs / US_PER_S);
    const bounded = Math.min(Math.max(target, cwndBytes), 1.5 * cwndBytes);
    this.cwndBytes += ((bounded - cwndBytes) / cwndBytes) * bytes;
  }

  /** Fast convergence (RFC 9438 4.7): a window that did not get back to where it was leaves room. */
  onCongestion(isQueued: boolean): void {
    const { cwndBytes } = this;
    this.prior = cwndBytes;
    this.wMax = isQueued && cwndBytes < this.wMax ? (cwndBytes * (1 + BETA)) / 2 : cwndBytes;
    const rest = cwndBytes * (isQueued ? BETA : BETA_RANDOM);
    this.ssthreshBytes = Math.max(rest, minimumWindowBytes(this.pduMax));
    this.epochAt = -1;
    this.flatStart = false;
  }

  onTimeout(first: boolean): void {
    if (first) this.onCongestion(true);
    this.cwndBytes = minimumWindowBytes(this.pduMax);
    this.epochAt = -1;
    this.flatStart = true;
  }

  /** Halves for each timeout's time without sending, down to the initial window (RFC 2861). */
  onIdle(idleUs: DurationUs, rtoUs: DurationUs): void {
    const initial = initialWindowBytes(this.pduMax);
    this.epochAt = -1;
    if (this.cwndBytes <= initial) return;
    if (this.ssthreshBytes !== Infinity)
      this.ssthreshBytes = Math.max(this.ssthreshBytes, this.cwndBytes * 0.75);
    this.cwndBytes = Math.max(initial, this.cwndBytes / 2 ** Math.min(60, Math.floor(idleUs / rtoUs)));
  }

  save(): void {
    const { saved } = this;
    saved.cwnd = this.cwndBytes;
    saved.ssthresh = this.ssthreshBytes;
    saved.wMax = this.wMax;
    saved.prior = this.prior;
    saved.epochAt = this.epochAt;
    saved.k = this.k;
    saved.wEst = this.wEst;
    saved.flat = this.flatStart;
  }

  restore(now: InstantUs): void {
    const { saved } = this;
    this.cwndBytes = Math.max(this.cwndBytes, saved.cwnd);
    this.ssthreshBytes = saved.ssthresh;
    this.wMax = saved.wMax;
    this.prior = saved.prior;
    this.epochAt = saved.epochAt;
    this.k = saved.k;
    this.wEst = saved.wEst;
    this.flatStart = saved.flat;
    this.lastAckedAt = now;
  }

  reset(pduMaxBytes: number): void {
    this.pduMax = pduMaxBytes;
    this.cwndBytes = initialWindowBytes(pduMaxBytes);
    this.ssthreshBytes = Infinity;
    this.wMax = this.prior = 0;
    this.epochAt = -1;
    this.flatStart = false;
    this.hystart.reset();
  }

  resize(pduMaxBytes: number): void {
    this.pduMax = pduMaxBytes;
    this.cwndBytes = Math.max(this.cwndBytes, minimumWindowBytes(pduMaxBytes));
  }

  inspect(): Readonly<Record<string, unknown>> {
    const { cwndBytes, ssthreshBytes, wMax, k, hystart } = this;
    const slow =
      hystart.isConservative && ssthreshBytes === Infinity ? 'conservative-slow-start' : 'slow-start';
    return { phase: cwndBytes < ssthreshBytes ? slow : 'avoidance', wMaxBytes: wMax, kSeconds: k };
  }
}

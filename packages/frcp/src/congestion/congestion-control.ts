import type { RttEstimator } from '../rtt-estimator.ts';
import type { DurationUs, InstantUs } from '../time.ts';
import { Backlog } from './backlog.ts';
import type { CongestionPolicy } from './congestion-policy.ts';
import { Pacer } from './pacer.ts';
import { RateReduction } from './rate-reduction.ts';

/** The window is spread over a round trip with so much to spare: while it doubles, and else. */
const PACE_SLOW_START = 2;
const PACE_AVOIDANCE = 1.25;
/** An acknowledgement is asked for so often in a window. */
const ASKS_PER_WINDOW = 16;
/** TCP Veno's bound (Fu, Liew 2003): with fewer PDUs than these in queues, none of them overflowed. */
const QUEUED_PDUS = 3;

/** Decides when a PDU may leave: the window of a policy, paced; recovery from loss, and taking it back. */
export class CongestionControl {
  readonly policy: CongestionPolicy;
  /** Loss is being repaired. */
  inRecovery = false;
  private readonly pacer: Pacer | null;
  private readonly reduction = new RateReduction();
  private readonly backlog = new Backlog();
  private readonly rtt: RttEstimator;
  private pduMax: number;
  /** The sender was bounded by the window for what it sent before this index. */
  private boundedUntil = 0;
  private isBounded = false;
  private lastSentAt: InstantUs = -1;
  private sinceAskBytes = 0;
  /** So many PDUs may leave whatever the window says: tail probes. */
  private free = 0;

  constructor(policy: CongestionPolicy, rtt: RttEstimator, pduMaxBytes: number, pacing: boolean) {
    this.policy = policy;
    this.rtt = rtt;
    this.pduMax = pduMaxBytes;
    this.pacer = pacing ? new Pacer() : null;
  }

  /** When a PDU that waits for its turn may leave. */
  get nextAt(): InstantUs {
    return this.pacer === null ? 0 : this.pacer.nextAt;
  }

  /** A PDU of so many bytes fits the window. The window has noted it if not: the sender had something to send. */
  //= R-FRCP-100
  hasRoom(bytes: number, flightBytes: number, nxt: number): boolean {
    if (this.free > 0 || flightBytes === 0 || flightBytes + bytes <= this.policy.cwndBytes) return true;
    this.boundBy(nxt);
    return false;
  }

  /** Its turn has come; else it comes at `nextAt`. */
  //= R-FRCP-103
  hasTurn(now: InstantUs, flightBytes: number, nxt: number): boolean {
    if (this.pacer === null || this.free > 0 || this.pacer.allows(now)) return true;
    if (2 * flightBytes >= this.policy.cwndBytes) this.boundBy(nxt);
    return false;
  }

  private boundBy(nxt: number): void {
    this.isBounded = true;
    this.boundedUntil = nxt;
  }

  /** One PDU may leave whatever is under way. */
  freeOne(): void {
    this.free = 1;
  }

  /** A PDU leaves; `flightBytes` without it. */
  onSent(now: InstantUs, bytes: number, flightBytes: number, rtoUs: DurationUs): void {
    if (flightBytes <= 0 && now - this.lastSentAt > rtoUs && this.lastSentAt >= 0) {
      this.policy.onIdle(now - this.lastSentAt, rtoUs);
    }
    this.lastSentAt = now;
    this.free = 0;
    if (this.inRecovery) this.reduction.onSent(bytes);
    if (this.pacer !== null) this.pacer.onSent(now, this.costUs(bytes));
  }

  /** So that the window moves on smoothly, and at its end, the peer should not wait. `flightBytes`: with this one. */
  //= R-FRCP-107
  shouldAsk(bytes: number, flightBytes: number): boolean {
    const { cwndBytes, ssthreshBytes } = this.policy;
    this.sinceAskBytes += bytes;
    const doubles = cwndBytes < ssthreshBytes;
    const every = doubles ? this.pduMax : Math.max(2 * this.pduMax, cwndBytes / ASKS_PER_WINDOW);
    if (this.sinceAskBytes < every && flightBytes + this.pduMax <= cwndBytes) return false;
    this.sinceAskBytes = 0;
    return true;
  }

  /** How long a PDU takes at the pacing rate, at most a round trip; 0 before the first one. */
  private costUs(bytes: number): DurationUs {
    const rate = this.pacingBytesPerUs;
    return rate > 0 ? Math.min(bytes / rate, this.rtt.srttUs) : 0;
  }

  private get pacingBytesPerUs(): number {
    const { cwndBytes, ssthreshBytes } = this.policy;
    const { srttUs } = this.rtt;
    if (!(srttUs > 0)) return 0;
    return ((cwndBytes < ssthreshBytes ? PACE_SLOW_START : PACE_AVOIDANCE) * cwndBytes) / srttUs;
  }

  onRtt(rttUs: DurationUs, una: number, nxt: number): void {
    this.backlog.onRtt(rttUs, una, nxt);
    this.policy.onRtt(rttUs, una, nxt);
  }

  /** So many bytes arrived. `una` as before; `isClean`: they moved it on and showed no further loss. */
  //= R-FRCP-103
  onDelivered(now: InstantUs, bytes: number, flightBytes: number, una: number, isClean: boolean): void {
    const { policy } = this;
    if (this.inRecovery) {
      const { ssthreshBytes } = policy;
      policy.cwndBytes = this.reduction.window(bytes, flightBytes, ssthreshBytes, this.pduMax, isClean);
      return;
    }
    if (!this.isBounded) return;
    if (((una - this.boundedUntil) | 0) > 0) this.isBounded = false;
    else policy.onAcked(now, bytes, this.rtt.srttUs);
  }

  /** Most of what is under way waits in queues of the path, or nothing is known of it: more would only wait too. */
  //= R-FRCP-108
  get isQueueing(): boolean {
    return this.backlog.bytes(1) >= 0.5;
  }

  /** Loss was found; once until `onRecovered`. `flightBytes`: under way before it was. */
  //= R-FRCP-104
  onLoss(flightBytes: number): void {
    this.policy.save();
    this.policy.onCongestion(this.backlog.bytes(this.policy.cwndBytes) >= QUEUED_PDUS * this.pduMax);
    this.reduction.start(flightBytes);
    this.inRecovery = true;
  }

  onRecovered(): void {
    if (!this.inRecovery) return;
    this.inRecovery = false;
    this.policy.cwndBytes = this.policy.ssthreshBytes;
  }

  /** A timeout: persistent congestion until shown otherwise. */
  onTimeout(first: boolean): void {
    if (first && !this.inRecovery) this.policy.save();
    this.policy.onTimeout(first && !this.inRecovery);
    this.inRecovery = false;
  }

  /** What was taken for loss was none. */
  //= R-FRCP-105
  undo(now: InstantUs): void {
    this.inRecovery = false;
    this.policy.restore(now);
  }

  /** Another path. */
  reset(pduMaxBytes: number): void {
    this.pduMax = pduMaxBytes;
    this.inRecovery = this.isBounded = false;
    this.policy.reset(pduMaxBytes);
    this.backlog.reset();
    this.pacer?.reset();
  }

  /** The same path, for PDUs of another size. */
  resize(pduMaxBytes: number): void {
    this.pduMax = pduMaxBytes;
    this.policy.resize(pduMaxBytes);
  }

  inspect(): Readonly<Record<string, unknown>> {
    const { policy } = this;
    return {
      congestion: policy.name,
      cwndBytes: policy.cwndBytes,
      ssthreshBytes: policy.ssthreshBytes,
      pacingBytesPerSecond: this.pacer === null ? null : Math.round(this.pacingBytesPerUs * 1e6),
      inRecovery: this.inRecovery,
      backlogBytes: this.backlog.bytes(policy.cwndBytes),
      ...policy.inspect(),
    };
  }
}

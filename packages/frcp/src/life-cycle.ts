import { fold, unfold, type Dormant } from './dormant.ts';
import { EVENT, type FrcpDownReason } from './events.ts';
import { initialTimes, type FrcpParams, type FrcpTimes } from './params.ts';
import type { Pci } from './pci.ts';
import { Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import { isBelievableReset } from './stateless-answers.ts';
import { FrcpStats } from './stats.ts';
import type { DurationUs, InstantUs } from './time.ts';
import { NEVER, TimerTable } from './timer-table.ts';

export const PHASE = { OPEN: 0, CLOSING: 1, CLOSED: 2, DOWN: 3, DRAINED: 4 } as const;
type Phase = (typeof PHASE)[keyof typeof PHASE];
export const PHASE_NAMES = ['open', 'closing', 'closed', 'down', 'drained'];

/**
 * So long after it was woken, and again, a connection with nothing to do is folded to what it must remember. Small
 * buffers go back as soon as they are empty, large ones then.
 */
const RELEASE_US = 10_000_000;
/**
 * The same over a lower flow that loses nothing, where a connection learns nothing of its path. A little more than A of
 * the direct path: what is awake so briefly is young garbage afterwards, and leaves no holes among what lives on.
 */
const RELEASE_RELIABLE_US = 150_000;

/** Timers and counters of those that are not awake; never set. */
const NO_TIMERS = new TimerTable();
const NO_COUNTS = new FrcpStats();

/**
 * The life of one end of a flow: open, closing, closed, down, drained; and between inputs asleep, folded to what
 * it must remember. What is sent and received meanwhile is FrcpConnection's.
 */
export abstract class LifeCycle {
  readonly params: FrcpParams;
  protected times: FrcpTimes;
  protected timers = NO_TIMERS;
  /** While asleep, after the first input. */
  protected folded: string | null = null;
  protected counts = NO_COUNTS;
  protected tx: Sender | null = null;
  protected rx: Receiver | null = null;
  protected phase: Phase = PHASE.OPEN;
  protected events = 0;
  protected resetNow = false;
  protected failure: { readonly reason: FrcpDownReason; readonly unackedSdus: number } | null = null;
  private endTold = false;
  /** A probe came while the peer has no run here: answer with its own number and our window. */
  protected echoNow = false;

  constructor(params: FrcpParams, _now: InstantUs) {
    this.params = params;
    this.times = initialTimes(params);
  }

  /** What was counted since it was made: a snapshot while it sleeps. */
  get stats(): FrcpStats {
    if (this.timers !== NO_TIMERS) return this.counts;
    return this.folded === null ? new FrcpStats() : unfold(this.folded).stats;
  }

  /** Largest PDU that the path carries now, bytes. */
  get mtuBytes(): number {
    return this.times.mtuBytes;
  }

  /** The peer's end marker came in order: all it ever wrote is here. */
  get peerEnded(): boolean {
    return this.rx !== null && this.rx.window.ended;
  }

  /** All that was written has arrived, and so has or will the end. */
  get isClosed(): boolean {
    return this.phase === PHASE.CLOSED;
  }

  /** SDUs written and not acknowledged by the peer's FRCP. */
  get unackedSdus(): number {
    return this.tx === null ? 0 : this.tx.window.unackedSdus;
  }

  protected newSender(): Sender {
    return new Sender(this.params, this.times, this.timers, this.counts);
  }

  protected newReceiver(): Receiver {
    return new Receiver(this.params, this.timers, this.counts);
  }

  protected wake(now: InstantUs): void {
    if (this.timers !== NO_TIMERS) return;
    this.timers = new TimerTable();
    this.timers.releaseAt = now + this.releaseUs;
    const { folded } = this;
    if (folded === null) {
      this.counts = new FrcpStats();
      return;
    }
    this.folded = null;
    const dormant = unfold(folded);
    this.counts = dormant.stats;
    [this.tx, this.rx] = this.halvesOf(dormant);
  }

  protected halvesOf(dormant: Dormant): [Sender | null, Receiver | null] {
    const tx = dormant.tx === null ? null : this.newSender();
    const rx = dormant.rx === null ? null : this.newReceiver();
    if (tx !== null) tx.recall(dormant.tx!);
    if (rx !== null) rx.recall(dormant.rx!);
    return [tx, rx];
  }

  /**
   * Ends the flow after all that was written: `closed` when all of it is acknowledged. From now on what arrives
   * is acknowledged and dropped; what is readable already stays so.
   */
  //= R-FRCP-50
  close(now: InstantUs): void {
    if (this.phase !== PHASE.OPEN) return;
    this.wake(now);
    this.phase = PHASE.CLOSING;
    const tx = (this.tx ??= this.newSender());
    if (this.params.wire === null) tx.appendEnd();
    if (this.rx !== null) {
      this.rx.window.discarding = true;
      this.rx.ackNow ||= this.params.reliable;
    }
    this.finishClose(now);
  }

  /** Done when all SDUs are acknowledged, and the marker too unless the peer has ended or none can be lost. */
  //= R-FRCP-52
  protected finishClose(now: InstantUs): void {
    const window = this.tx!.window;
    if (window.unackedSdus !== 0) return;
    const isCertain = this.params.lowerReliable || (this.rx !== null && this.rx.window.ended);
    if (window.una === window.tail || (isCertain && window.nxt === window.tail)) this.closed(now);
  }

  private closed(now: InstantUs): void {
    this.phase = PHASE.CLOSED;
    this.events |= EVENT.CLOSED;
    this.stopSending();
    if (this.rx !== null && this.params.reliable) this.rx.ackNow ||= this.rx.owesAck;
    this.timers.lingerAt = this.lingerUntil(now);
  }

  /**
   * The remnant answers copies until none can come: Rt after the last it accepted. Where nothing gives up, a peer
   * that has not ended would ask for ever: until its END there is no such time.
   */
  //= R-FRCP-53
  private lingerUntil(now: InstantUs): InstantUs {
    const rx = this.rx;
    if (this.params.lowerReliable) return rx !== null && rx.window.ended ? now + this.params.aUs : NEVER;
    if (rx !== null && rx.window.ended && rx.expiresAt !== NEVER) return rx.expiresAt;
    return now + this.times.receiverTimerUs;
  }

  /** A peer that goes on sending keeps the remnant: its copies still want their answers. */
  protected onLinger(now: InstantUs): void {
    const rx = this.rx;
    const busy = this.phase === PHASE.CLOSED && rx !== null && !rx.window.ended && !rx.runOver(now);
    if (busy && rx.expiresAt !== NEVER && rx.expiresAt > now) this.timers.lingerAt = rx.expiresAt;
    else this.drain();
  }

  private stopSending(): void {
    const { tx, timers } = this;
    timers.rtxAt = timers.reorderAt = timers.paceAt = NEVER;
    timers.rendezvousAt = timers.releaseAt = NEVER;
    if (tx === null) return;
    tx.probeNow = false;
    tx.window.abandon();
  }

  /** Ends the flow at once, on both sides; what is not acknowledged may be lost. */
  abort(now: InstantUs): void {
    if (this.phase >= PHASE.DOWN) return;
    this.wake(now);
    this.phase = PHASE.DOWN;
    this.resetNow = this.params.wire === null;
    this.leave(now);
  }

  /** After `closed` the caller has had its last word: only the peer is told. */
  protected goDown(now: InstantUs, reason: FrcpDownReason): void {
    if (this.phase === PHASE.CLOSED) this.phase = PHASE.DOWN;
    else this.fail(reason);
    this.resetNow = this.params.wire === null;
    this.leave(now);
  }

  private fail(reason: FrcpDownReason): void {
    this.failure = { reason, unackedSdus: this.unackedSdus };
    this.phase = PHASE.DOWN;
    this.events |= EVENT.DOWN;
  }

  private leave(now: InstantUs): void {
    this.events &= ~EVENT.WRITABLE;
    this.stopSending();
    this.timers.clear();
    const { times, params } = this;
    this.timers.lingerAt = now + (params.lowerReliable ? params.aUs : 2 * times.mplUs + params.aUs);
  }

  private drain(): void {
    this.stopSending();
    this.phase = PHASE.DRAINED;
    this.events |= EVENT.DRAINED;
    this.timers.clear();
  }

  //= R-FRCP-51
  protected onEnd(now: InstantUs): void {
    if (this.endTold) return;
    this.endTold = true;
    this.events |= EVENT.END;
    if (this.phase === PHASE.CLOSING) this.finishClose(now);
    else if (this.phase === PHASE.CLOSED) this.timers.lingerAt = this.lingerUntil(now);
  }

  protected onReset(pci: Pci): void {
    if (!this.params.lowerReliable && !isBelievableReset(pci, this.tx, this.rx)) {
      this.counts.badAcks++;
      return;
    }
    if (this.phase === PHASE.CLOSED || this.phase === PHASE.DOWN) this.drain();
    else {
      this.fail('reset');
      this.drain();
    }
  }

  /** G has passed. If only the end marker is unanswered, all SDUs have arrived and the close is done. */
  //= R-FRCP-47
  protected giveUp(now: InstantUs): void {
    if (this.phase === PHASE.CLOSING && this.unackedSdus === 0) this.closed(now);
    else this.goDown(now, 'gave-up');
  }

  protected releaseBuffers(now: InstantUs): void {
    const { tx, rx, timers } = this;
    if (tx !== null && tx.window.una === tx.window.tail) tx.window.release();
    if (rx !== null && rx.window.queue.length === 0) rx.window.queue.release();
    timers.releaseAt = NEVER;
    if (!this.fold()) timers.releaseAt = now + this.releaseUs;
  }

  private get releaseUs(): DurationUs {
    return this.params.lowerReliable ? RELEASE_RELIABLE_US : RELEASE_US;
  }

  private fold(): boolean {
    const busy =
      this.phase !== PHASE.OPEN || this.events !== 0 || this.echoNow || this.timers.next() !== NEVER;
    const { tx, rx, counts: stats } = this;
    if (busy || (tx !== null && !tx.isQuiet) || (rx !== null && !rx.isQuiet)) return false;
    this.folded = fold({
      tx: tx === null ? null : tx.remember(),
      rx: rx === null ? null : rx.remember(),
      stats,
    });
    this.counts = NO_COUNTS;
    this.tx = this.rx = null;
    this.timers = NO_TIMERS;
    return true;
  }
}

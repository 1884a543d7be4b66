import type { CongestionControl } from './congestion/congestion-control.ts';
import { congestionControlOf } from './congestion/choose-policy.ts';
import { news } from './delivery.ts';
import { sendsTimes, type FrcpParams, type FrcpTimes } from './params.ts';
import { Rack } from './rack.ts';
import { CLOCK_STEPS_US, RttEstimator } from './rtt-estimator.ts';
import type { SendWindow } from './send-window.ts';
import type { FrcpStats } from './stats.ts';
import type { DurationUs, InstantUs } from './time.ts';
import { NEVER, type TimerTable } from './timer-table.ts';

/** After a timeout so many copies probe the path; an answer releases the rest. */
const TIMEOUT_COPIES = 2;
/** Of segments so many may leave before there is an answer, and so many more for each that arrives. */
const SEGMENTS_FIRST = 10;
const SEGMENTS_PER_ARRIVAL = 4;
const UNLIMITED = 0x3fff_ffff;

/** What the retransmission timer found. */
export const VERDICT = { GOES_ON: 0, ASK: 1, OVER: 2 } as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/**
 * Finds out what was lost on a lower flow that loses: by what overtook it (RACK), by a tail probe, by a timeout;
 * and what was taken for lost and was not. Tells congestion control.
 */
export class LossRecovery {
  readonly rtt = new RttEstimator();
  readonly congestion: CongestionControl | null;
  readonly rack = new Rack();
  /** How many copies may leave before there is an answer. */
  copiesAllowed = UNLIMITED;
  private timedOut = false;
  private finalProbeSent = false;
  /** The timer that is set is that of a tail probe. */
  private probeIsNext = false;
  /** A tail probe is unanswered. */
  private probing = false;
  /** An episode of loss is over when everything before `point` has arrived. */
  private inEpisode = false;
  private point = 0;
  /** Losses found in the last episode, and how many of them were none. */
  private found = 0;
  private disproved = 0;
  private movedAt: InstantUs = -Infinity;
  /** What left before counts as lost for a reason of ours: that it arrives disproves nothing. */
  private sentAgainAt: InstantUs = -Infinity;
  /** Echoes tell round trips. */
  private readonly isTimed: boolean;
  private times: FrcpTimes;
  private readonly params: FrcpParams;
  private readonly window: SendWindow;
  private readonly timers: TimerTable;
  private readonly stats: FrcpStats;

  constructor(
    params: FrcpParams,
    times: FrcpTimes,
    window: SendWindow,
    timers: TimerTable,
    stats: FrcpStats,
  ) {
    this.params = params;
    this.isTimed = sendsTimes(params);
    this.times = times;
    this.window = window;
    this.timers = timers;
    this.stats = stats;
    this.congestion = congestionControlOf(params, this.rtt, times.mtuBytes);
  }

  get rtoUs(): DurationUs {
    return this.rtt.rtoUs(this.times);
  }

  /** Whether congestion control lets the next PDU, of so many bytes, leave now. Sets the timer if not yet. */
  mayTransmit(now: InstantUs, bytes: number): boolean {
    const { congestion, window } = this;
    if (congestion === null) return true;
    if (!congestion.hasRoom(bytes, window.flightBytes, window.nxt)) return false;
    if (congestion.hasTurn(now, window.flightBytes, window.nxt)) return true;
    this.timers.paceAt = Math.ceil(congestion.nextAt);
    return false;
  }

  /** A PDU was marked as sent. True if it should ask for an acknowledgement. */
  onTransmit(now: InstantUs, bytes: number): boolean {
    const { congestion, window } = this;
    if (congestion === null) return false;
    congestion.onSent(now, bytes, window.flightBytes - bytes, this.rtoUs);
    return congestion.shouldAsk(bytes, window.flightBytes);
  }

  /** Due at the probe or timeout, but no later than the give-up time of the oldest PDU. */
  arm(now: InstantUs): void {
    const { window, timers } = this;
    const age = ((now | 0) - window.firstSentOf(window.una)) | 0;
    this.probeIsNext = this.mayProbe;
    const delay = this.probeIsNext ? this.probeDelay : this.rtoUs;
    timers.rtxAt = now + Math.max(1, Math.min(delay, this.times.giveUpUs - age));
  }

  /** A tail is probed once, while nothing is known to be lost (RFC 8985 7.2). */
  private get mayProbe(): boolean {
    const { window } = this;
    return (
      !this.probing && !this.timedOut && window.retains && window.lostCount === 0 && window.sackedPdus === 0
    );
  }

  /** Two round trips, at least what the clocks can tell, and A, but no later than a timeout. */
  private get probeDelay(): DurationUs {
    const { rtt, times } = this;
    if (rtt.srttUs !== rtt.srttUs) return this.rtoUs;
    return Math.min(
      this.rtoUs,
      Math.max(times.rtoMinUs, Math.ceil(Math.max(CLOCK_STEPS_US, 2 * rtt.srttUs) + times.aUs)),
    );
  }

  /** An acknowledgement covered something new. `movedOn`: it did so in order. The caller sets the timer. */
  onDelivered(now: InstantUs, movedOn: boolean): void {
    const { window, congestion } = this;
    if (news.disproved > 0 && this.answersOlder(now)) news.disproved = 0;
    const wasDelayed = this.judgeTimeout(now);
    if (this.probing && !this.inEpisode && news.confirmed > 0) this.beginEpisode(1, window.flightBytes);
    this.finalProbeSent = this.probing = false;
    this.releaseCopies();
    const rttUs = this.sampleRtt(now);
    if (congestion !== null && rttUs >= 0) congestion.onRtt(rttUs, window.una, window.nxt);
    if (window.retains) {
      if (!wasDelayed) this.learnReordering();
      this.rack.update(news);
      this.judgeEpisode(now);
      const found = this.detectLosses(now);
      congestion?.onDelivered(now, news.bytes, window.flightBytes, window.una, movedOn && !found);
    }
  }

  /** What left before we had to send it again is answered: an echo tells. */
  private answersOlder(now: InstantUs): boolean {
    return news.echo !== 0 && ((news.nowI32 - news.echo) | 0) > now - this.sentAgainAt;
  }

  /** Segments are more than the path ever carried, and without congestion control nothing else bounds them. */
  //= R-FRCP-77
  private get boundsSegments(): boolean {
    return this.window.segments !== null && this.congestion === null && !this.params.lowerReliable;
  }

  private releaseCopies(): void {
    const more = this.boundsSegments ? SEGMENTS_PER_ARRIVAL * news.pdus : UNLIMITED;
    this.copiesAllowed = Math.min(UNLIMITED, this.copiesAllowed + more);
  }

  //= R-FRCP-43
  private sampleRtt(now: InstantUs): DurationUs {
    let rttUs = -1;
    if (news.echo !== 0) rttUs = ((now | 0) - news.echo) | 0;
    else if (!this.isTimed && news.newestKnown && !news.doubtful) rttUs = ((now | 0) - news.newestSent) | 0;
    // What left before a move took the old path, and the shortest round trip bounds the timeout.
    if (rttUs < 0 || rttUs > Math.min(this.times.roundTripMaxUs, now - this.movedAt)) return -1;
    this.rtt.sample(rttUs);
    return rttUs;
  }

  /** Progress after a timeout: if it was made by what left before, nothing was lost (RFC 5682). True if so. */
  //= R-FRCP-46
  private judgeTimeout(now: InstantUs): boolean {
    if (!this.timedOut) return false;
    this.timedOut = false;
    if (news.disproved === 0) return false;
    this.window.clearLost();
    this.stats.spuriousTimeouts++;
    this.congestion?.undo(now);
    return true;
  }

  private learnReordering(): void {
    const { window, rack } = this;
    if (!news.late && news.disproved === 0) return;
    this.stats.spuriousLosses += news.disproved;
    const tookUs = news.echo !== 0 ? (news.nowI32 - news.echo) | 0 : 0;
    rack.onReordered(Math.max(0, tookUs - rack.rttUs), window.una, window.nxt, news.disproved > 0);
  }

  /** Ends an episode that is repaired, or that never was one: then the window is given back (RFC 3522 4). */
  private judgeEpisode(now: InstantUs): void {
    const { window } = this;
    this.disproved += news.disproved;
    if (this.found > 0 && this.disproved >= this.found) {
      this.found = this.disproved = 0;
      this.inEpisode = false;
      this.stats.congestionUndone++;
      this.congestion?.undo(now);
    }
    if (!this.inEpisode || ((window.una - this.point) | 0) < 0) return;
    this.inEpisode = false;
    this.rack.onRecovered();
    this.congestion?.onRecovered();
  }

  /**
   * What left before the newest PDU that arrived is lost when it is a reordering window late. True if something was
   * found.
   */
  //= R-FRCP-45
  private detectLosses(now: InstantUs): boolean {
    const { window, rack, timers } = this;
    timers.reorderAt = NEVER;
    if (!rack.known || window.una === window.nxt) return false;
    const { lostCount, flightBytes } = window;
    const graceUs = Math.ceil(rack.rttUs + rack.windowUs(this.rtt, this.inEpisode, window.sackedPdus));
    const wait = window.markLostBefore(rack.sent, rack.index, now | 0, graceUs);
    if (wait >= 0) timers.reorderAt = now + Math.max(1, wait);
    const found = window.lostCount - lostCount;
    if (found > 0) this.onFound(found, flightBytes);
    return found > 0;
  }

  private onFound(found: number, flightBytes: number): void {
    this.stats.lossesDetected += found;
    if (this.inEpisode) {
      this.found += found;
      return;
    }
    this.beginEpisode(found, flightBytes);
  }

  private beginEpisode(found: number, flightBytes: number): void {
    this.inEpisode = true;
    this.point = this.window.nxt;
    this.found = found;
    this.disproved = 0;
    this.stats.lossEpisodes++;
    this.congestion?.onLoss(flightBytes);
  }

  onReorderTimer(now: InstantUs): void {
    this.detectLosses(now);
  }

  /**
   * The timer of the oldest unacknowledged PDU. `sleptOver`: it is older than 32 bits of time may tell. `OVER`: the peer
   * did not answer the last question.
   */
  onTimer(now: InstantUs, sleptOver: boolean): Verdict {
    const { window } = this;
    this.timers.rtxAt = NEVER;
    const age = sleptOver ? Infinity : ((now | 0) - window.firstSentOf(window.una)) | 0;
    if (age <= this.params.rUs && this.probeIsNext && this.mayProbe) {
      this.probeTail(now);
      return VERDICT.GOES_ON;
    }
    this.stats.timeouts++;
    if (age >= this.times.giveUpUs) return this.askFinally(now);
    this.congestion?.onTimeout(!this.timedOut);
    this.rtt.backoff++;
    const isTooOld = age > this.params.rUs;
    if (!isTooOld) {
      this.timedOut = true;
      this.copiesAllowed = TIMEOUT_COPIES;
      this.inEpisode = false;
      this.found = this.disproved = 0;
      window.markAllLost();
    }
    this.arm(now);
    return isTooOld ? VERDICT.ASK : VERDICT.GOES_ON;
  }

  /** Nothing came for a while: the next PDU, else the last once more, provokes an acknowledgement (RFC 8985 7.3). */
  //= R-FRCP-56
  private probeTail(now: InstantUs): void {
    const { window } = this;
    const sinceLast = ((now | 0) - window.lastSentOf((window.nxt - 1) | 0)) | 0;
    if (sinceLast < this.probeDelay) {
      this.timers.rtxAt = now + this.probeDelay - sinceLast;
      return;
    }
    this.probing = true;
    this.stats.tailProbes++;
    this.rtt.backoff++;
    if (window.mayTransmit()) this.congestion?.freeOne();
    else {
      window.markLastLost();
      this.congestion?.freeOne();
    }
    this.arm(now);
  }

  /** Our own process may have slept: acknowledgements that wait outside get one more timeout to come in. */
  private askFinally(now: InstantUs): Verdict {
    if (this.finalProbeSent) return VERDICT.OVER;
    this.finalProbeSent = true;
    this.timers.rtxAt = now + this.rtoUs;
    return VERDICT.ASK;
  }

  /** Another lower flow: nothing that was learnt of the path holds; everything unacknowledged is sent again. */
  moveTo(now: InstantUs, times: FrcpTimes): void {
    const { window } = this;
    this.times = times;
    this.movedAt = now;
    this.rtt.reset();
    this.rack.reset();
    this.congestion?.reset(times.mtuBytes);
    this.inEpisode = false;
    this.found = this.disproved = 0;
    this.sendAgain(now);
    window.markAllLost();
  }

  /** The same path. `isCut`: what was sent and does not fit waits to be sent again; its loss was no congestion. */
  changeMtu(now: InstantUs, times: FrcpTimes, isCut: boolean): void {
    this.times = times;
    this.congestion?.resize(times.mtuBytes);
    if (isCut) this.sendAgain(now);
  }

  /** What is under way counts as lost for a reason of ours. Where it was cut, an index is another PDU's now. */
  private sendAgain(now: InstantUs): void {
    this.copiesAllowed = this.boundsSegments ? SEGMENTS_FIRST : UNLIMITED;
    this.probing = this.timedOut = false;
    this.sentAgainAt = now;
    this.point = this.window.nxt;
  }

  inspect(): Readonly<Record<string, unknown>> {
    const { rtt, rack, congestion, window } = this;
    return {
      srttUs: rtt.srttUs,
      rttvarUs: rtt.rttvarUs,
      rttMinUs: rtt.minUs,
      rtoUs: this.rtoUs,
      reorderingSeen: rack.reorderingSeen,
      reorderingWindowUs: rack.windowUs(rtt, this.inEpisode, window.sackedPdus),
      inLossEpisode: this.inEpisode,
      tailProbeSent: this.probing,
      ...(congestion === null ? { congestion: 'none' } : congestion.inspect()),
    };
  }
}

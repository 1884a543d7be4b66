import type { Delivery } from './delivery.ts';
import type { RttEstimator } from './rtt-estimator.ts';
import type { DurationUs } from './time.ts';

/** Later PDUs that must have arrived before one counts as lost without waiting (RFC 6675 DupThresh). */
const DUP_THRESHOLD = 3;
/** So many recoveries without a wrong copy until the reordering window is the first again (RFC 8985 6.2). */
const PERSIST_RECOVERIES = 16;
/** What came late once may come a little later the next time. */
const EXTENT_MARGIN = 1.25;

/** How long a PDU may be overtaken before it counts as lost (RACK, RFC 8985 6.2). */
export class Rack {
  /** The PDU that left last of all that arrived. */
  known = false;
  sent = 0;
  index = 0;
  rttUs: DurationUs = 0;
  /** PDUs overtake each other on this path. */
  reorderingSeen = false;
  private multiplier = 1;
  private persist = 0;
  /** How much later than its neighbours a PDU came. */
  private extentUs: DurationUs = 0;
  /** The next wrong copy counts again beyond this index: once a round trip. */
  private roundEnd = 0;

  /** Steps 1 to 3: takes in what an acknowledgement newly covers. */
  update(news: Delivery): void {
    if (news.late) this.reorderingSeen = true;
    if (!news.newestKnown) return;
    if (this.known && ((news.newestSent - this.sent) | 0) < 0) return;
    this.known = true;
    this.sent = news.newestSent;
    this.index = news.newestIndex;
    this.rttUs = (news.nowI32 - news.newestSent) | 0;
  }

  /**
   * A PDU came late, or was sent again for nothing. `lateUs`: how much longer than the last round trip it took; 0 when the
   * peer does not tell. The window grows by a quarter of the shortest round trip a round (RFC 8985), and at once to
   * what was seen.
   */
  onReordered(lateUs: DurationUs, una: number, nxt: number, wasWrong: boolean): void {
    this.reorderingSeen = true;
    if (lateUs * EXTENT_MARGIN > this.extentUs) this.extentUs = lateUs * EXTENT_MARGIN;
    this.persist = PERSIST_RECOVERIES;
    if (!wasWrong || ((una - this.roundEnd) | 0) < 0) return;
    this.multiplier++;
    this.roundEnd = nxt;
  }

  onRecovered(): void {
    if (this.persist === 0 || --this.persist > 0) return;
    this.multiplier = 1;
    this.extentUs = 0;
  }

  /** Step 4. Zero while nothing speaks for reordering and enough for loss. */
  windowUs(rtt: RttEstimator, inRecovery: boolean, sackedPdus: number): DurationUs {
    if (!this.reorderingSeen && (inRecovery || sackedPdus >= DUP_THRESHOLD)) return 0;
    if (rtt.minUs === Infinity) return 0;
    return Math.min(Math.max((this.multiplier * rtt.minUs) / 4, this.extentUs), rtt.srttUs);
  }

  reset(): void {
    this.known = this.reorderingSeen = false;
    this.multiplier = 1;
    this.persist = 0;
    this.extentUs = 0;
  }
}

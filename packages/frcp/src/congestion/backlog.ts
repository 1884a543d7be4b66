import type { DurationUs } from '../time.ts';

/** Round trips that make a round's shortest mean something. */
const SAMPLES_MIN = 3;

/**
 * How much of the window waits in queues of the path (TCP Vegas; Brakmo, Peterson 1995): what is under way beyond what
 * fits a round trip without waiting. That round trip is the least mean of a round and not the least of all, which a
 * clock read late makes too short; the one of now is the least of a round, which late clocks and timers cannot lengthen.
 */
//= R-FRCP-109
export class Backlog {
  /** The round trip without waiting; `Infinity`: not known. */
  private baseUs = Infinity;
  private lastMinUs = Infinity;
  private minUs = Infinity;
  private sumUs = 0;
  private samples = 0;
  private roundEnd = 0;

  /** Takes a sample of the round that ends when `una` passes what was sent at its begin. */
  onRtt(rttUs: DurationUs, una: number, nxt: number): void {
    if (((una - this.roundEnd) | 0) >= 0) this.startRound(nxt);
    // Shorter than a clock can tell: it says nothing of waiting.
    if (rttUs === 0) return;
    if (rttUs < this.minUs) this.minUs = rttUs;
    this.sumUs += rttUs;
    this.samples++;
  }

  private startRound(nxt: number): void {
    if (this.samples >= SAMPLES_MIN) {
      this.baseUs = Math.min(this.baseUs, this.sumUs / this.samples);
      this.lastMinUs = this.minUs;
    }
    this.roundEnd = nxt;
    this.minUs = Infinity;
    this.sumUs = this.samples = 0;
  }

  /** Of a window of so many bytes; `Infinity` before the first round. */
  bytes(cwndBytes: number): number {
    const { samples, minUs, lastMinUs, baseUs } = this;
    if (baseUs === Infinity) return Infinity;
    const nowUs = samples < SAMPLES_MIN ? lastMinUs : Math.max(minUs, lastMinUs);
    return Math.max(0, cwndBytes * (1 - baseUs / nowUs));
  }

  reset(): void {
    this.baseUs = this.lastMinUs = this.minUs = Infinity;
    this.sumUs = this.samples = 0;
  }
}

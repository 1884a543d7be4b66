import type { DurationUs } from '../time.ts';

/** RFC 9406 4.3. */
const RTT_THRESH_MIN_US = 4_000;
const RTT_THRESH_MAX_US = 16_000;
const RTT_DIVISOR = 8;
const RTT_SAMPLES = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

/**
 * HyStart++ (RFC 9406): leaves the first slow start when round trips grow, before the queue overflows. In between
 * lies conservative slow start, which finds out whether they really grew.
 */
export class HyStart {
  /** Conservative slow start. */
  isConservative = false;
  private lastMinUs = Infinity;
  private roundMinUs = Infinity;
  private samples = 0;
  private roundEnd = 0;
  private baselineUs = Infinity;
  private rounds = 0;

  /** Takes a sample of the round that ends when `una` passes what was sent at its begin. True: slow start is over. */
  onRtt(rttUs: DurationUs, una: number, nxt: number): boolean {
    if (((una - this.roundEnd) | 0) >= 0 && this.startRound(nxt)) return true;
    if (rttUs < this.roundMinUs) this.roundMinUs = rttUs;
    if (++this.samples < RTT_SAMPLES) return false;
    if (this.isConservative) this.resumeIfShort();
    else this.turnIfLong();
    return false;
  }

  private startRound(nxt: number): boolean {
    this.roundEnd = nxt;
    this.lastMinUs = this.roundMinUs;
    this.roundMinUs = Infinity;
    this.samples = 0;
    return this.isConservative && ++this.rounds >= CSS_ROUNDS;
  }

  private turnIfLong(): void {
    if (this.lastMinUs === Infinity) return;
    const thresh = Math.max(RTT_THRESH_MIN_US, Math.min(this.lastMinUs / RTT_DIVISOR, RTT_THRESH_MAX_US));
    if (this.roundMinUs < this.lastMinUs + thresh) return;
    this.baselineUs = this.roundMinUs;
    this.isConservative = true;
    this.rounds = 0;
  }

  private resumeIfShort(): void {
    if (this.roundMinUs >= this.baselineUs) return;
    this.baselineUs = Infinity;
    this.isConservative = false;
  }

  /** What the window grows by when so many bytes are acknowledged; `burstMaxBytes` where nothing is paced. */
  growth(bytes: number, burstMaxBytes: number): number {
    const most = Math.min(bytes, burstMaxBytes);
    return this.isConservative ? most / CSS_GROWTH_DIVISOR : most;
  }

  reset(): void {
    this.isConservative = false;
    this.lastMinUs = this.roundMinUs = this.baselineUs = Infinity;
    this.samples = this.rounds = 0;
  }
}

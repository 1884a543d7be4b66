/**
 * The monotonic clock of one host, as a function of true time: it runs at its own rate from its own epoch, and
 * stands still while the host is suspended if its kind does (CLOCK_MONOTONIC on Linux). Whole microseconds.
 */
export class HostClock {
  readonly rate: number;
  readonly epochUs: number;
  #stoodStillUs = 0;

  constructor(ratePpm: number, epochUs: number) {
    this.rate = 1 + ratePpm / 1_000_000;
    this.epochUs = epochUs;
  }

  /** What the clock shows at a true time, now or later. */
  at(trueUs: number): number {
    return Math.floor(this.epochUs + (trueUs - this.#stoodStillUs) * this.rate);
  }

  /** The first true time at which the clock shows at least `localUs`. */
  trueTimeOf(localUs: number): number {
    let trueUs = Math.ceil((localUs - this.epochUs) / this.rate) + this.#stoodStillUs;
    while (this.at(trueUs) < localUs) trueUs += 1;
    return trueUs;
  }

  /** It has stood still for so long. */
  stoodStill(forUs: number): void {
    this.#stoodStillUs += forUs;
  }
}

/** Counts of one run of oping. */
export class PingStatistics {
  sent = 0;
  received = 0;
  outOfOrder = 0;
  #minMs = Infinity;
  #maxMs = 0;
  #meanMs = 0;
  /** Sum of squared distances from the mean (Welford's method, numerically stable). */
  #m2 = 0;
  #highestSeq = -1;

  /** Returns whether the reply came after one of a later request. */
  add(seq: number, rttMs: number): boolean {
    this.received += 1;
    this.#minMs = Math.min(this.#minMs, rttMs);
    this.#maxMs = Math.max(this.#maxMs, rttMs);
    const distance = rttMs - this.#meanMs;
    this.#meanMs += distance / this.received;
    this.#m2 += distance * (rttMs - this.#meanMs);
    const isLate = seq < this.#highestSeq;
    if (isLate) this.outOfOrder += 1;
    this.#highestSeq = Math.max(this.#highestSeq, seq);
    return isLate;
  }

  lines(name: string, elapsedMs: number): string[] {
    const lossPercent = this.sent === 0 ? 0 : Math.round((100 * (this.sent - this.received)) / this.sent);
    const head = `\n--- ${name} ping statistics ---`;
    const counts = [
      `${this.sent} packets transmitted`,
      `${this.received} received`,
      `${this.outOfOrder} out-of-order`,
      `${lossPercent}% packet loss`,
      `time: ${elapsedMs.toFixed(3)} ms`,
    ].join(', ');
    return this.received === 0 ? [head, counts] : [head, counts, this.#rttLine()];
  }

  #rttLine(): string {
    const [factor, unit] = this.#meanMs < 0.1 ? [1_000, 'µs'] : [1, 'ms'];
    const deviationMs = this.received > 1 ? Math.sqrt(this.#m2 / (this.received - 1)) : 0;
    const values = [this.#minMs, this.#meanMs, this.#maxMs, deviationMs];
    return `rtt min/avg/max/mdev = ${values.map((ms) => (ms * factor).toFixed(3)).join('/')} ${unit}`;
  }
}

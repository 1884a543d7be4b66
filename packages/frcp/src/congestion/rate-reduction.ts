/**
 * Proportional rate reduction (RFC 6937, slow-start reduction bound): while a loss is repaired, sends what keeps
 * the bytes under way on a straight line from where they were down to `ssthresh`.
 */
export class RateReduction {
  private startBytes = 0;
  private delivered = 0;
  private sent = 0;

  /** `flightBytes`: under way when the loss was found, the lost included. */
  start(flightBytes: number): void {
    this.startBytes = Math.max(1, flightBytes);
    this.delivered = this.sent = 0;
  }

  onSent(bytes: number): void {
    this.sent += bytes;
  }

  /** The window after an acknowledgement of so many bytes. `isClean`: it moved on and found nothing more lost. */
  window(bytes: number, flightBytes: number, ssthresh: number, pduMax: number, isClean: boolean): number {
    this.delivered += bytes;
    let more: number;
    if (flightBytes > ssthresh) more = (this.delivered * ssthresh) / this.startBytes - this.sent;
    else {
      const arrived = this.delivered - this.sent;
      const limit = isClean ? Math.max(arrived, bytes) + pduMax : arrived;
      more = Math.min(ssthresh - flightBytes, limit);
    }
    // The first copy of all leaves whatever else is under way.
    if (this.sent === 0) more = Math.max(more, pduMax);
    return flightBytes + Math.max(0, more);
  }
}

import type { Knobs } from './knobs.ts';
import type { Dice } from './seeded.ts';

/** What a path did to what was sent on it. */
export interface PathCounts {
  carried: number;
  lost: number;
  duplicated: number;
  reordered: number;
  corrupted: number;
  straggled: number;
  queueDrops: number;
  blackedOut: number;
}

const STRAGGLE_SHARE = 0.95;

/**
 * One direction of a lower flow. Asked for each PDU, it says when its copies arrive; it holds no PDUs. `calm` turns
 * every fault off but the delay.
 */
export class Path {
  readonly counts: PathCounts = {
    carried: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    corrupted: 0,
    straggled: 0,
    queueDrops: 0,
    blackedOut: 0,
  };
  isDown = false;
  calm = false;
  /** A move to another lower flow changes it. */
  delayUs: number;
  /** When the copies of the PDU last asked about arrive, µs; the first `copies` entries. */
  readonly arrivals: number[] = [];
  copies = 0;
  readonly #knobs: Knobs;
  readonly #dice: Dice;
  readonly #lossRate: number;
  readonly #enterBurst: number;
  readonly #leaveBurst: number;
  readonly #longestUs: number;
  #inBurst = false;
  #lastArrivalUs = 0;
  #busyUntilUs = 0;

  /** `loses`: this direction is one that the loss knob means. */
  constructor(knobs: Knobs, dice: Dice, loses: boolean) {
    this.#knobs = knobs;
    this.#dice = dice;
    this.delayUs = knobs.delayUs;
    this.#lossRate = loses ? knobs.lossPct / 100 : 0;
    this.#leaveBurst = 1 / knobs.lossBurst;
    this.#enterBurst = (this.#lossRate * this.#leaveBurst) / Math.max(0.01, 1 - this.#lossRate);
    this.#longestUs = Math.floor(knobs.mplUs * knobs.mplFactor);
  }

  /** Decides about one PDU; the result is in `arrivals` and `copies`. */
  carry(nowUs: number, bytes: number): void {
    this.copies = 0;
    const leavesUs = this.#queue(nowUs, bytes);
    if (leavesUs < 0) return;
    if (this.calm) return this.#arrive(nowUs, leavesUs + this.delayUs);
    const knobs = this.#knobs;
    if (this.isDown && bytes > knobs.blackoutPassBytes) {
      this.counts.blackedOut += 1;
      return;
    }
    if (this.#loses()) {
      this.counts.lost += 1;
      return;
    }
    this.#arrive(nowUs, leavesUs + this.#delay());
    if (knobs.dupPct === 0 || !this.#dice.odds(knobs.dupPct / 100)) return;
    const more = knobs.dupCopies === 1 ? 1 : this.#dice.between(1, knobs.dupCopies);
    for (let n = 0; n < more; n += 1) this.#arrive(nowUs, leavesUs + this.#delay());
    this.counts.duplicated += more;
  }

  #loses(): boolean {
    if (this.#lossRate === 0) return false;
    if (this.#knobs.lossBurst === 1) return this.#dice.odds(this.#lossRate);
    this.#inBurst = this.#inBurst ? !this.#dice.odds(this.#leaveBurst) : this.#dice.odds(this.#enterBurst);
    return this.#inBurst;
  }

  /** When the PDU has left its queue; -1: the queue is full. */
  #queue(nowUs: number, bytes: number): number {
    const { bandwidthKbps, queuePdus } = this.#knobs;
    if (bandwidthKbps === 0) return nowUs;
    const sendUs = Math.ceil((bytes * 8_000) / bandwidthKbps);
    const waitUs = Math.max(0, this.#busyUntilUs - nowUs);
    if (waitUs > queuePdus * sendUs || waitUs > this.#knobs.mplUs / 2) {
      this.counts.queueDrops += 1;
      return -1;
    }
    this.#busyUntilUs = nowUs + waitUs + sendUs;
    return this.#busyUntilUs;
  }

  #delay(): number {
    const { jitterUs, tailUs, stragglePct } = this.#knobs;
    let delayUs = this.delayUs;
    if (jitterUs > 0) delayUs += this.#dice.below(jitterUs + 1);
    if (tailUs > 0) delayUs += this.#dice.exponential(tailUs);
    if (stragglePct > 0 && this.#dice.odds(stragglePct / 100)) {
      this.counts.straggled += 1;
      delayUs += Math.floor(this.#longestUs * STRAGGLE_SHARE);
    }
    return delayUs;
  }

  /** Nothing lives longer than MPL, unless the knobs want that. */
  #arrive(nowUs: number, atUs: number): void {
    let arrivalUs = Math.min(atUs, nowUs + this.#longestUs);
    const isEarlier = arrivalUs < this.#lastArrivalUs;
    if (isEarlier && this.#knobs.inOrder === 1)
      arrivalUs = Math.min(this.#lastArrivalUs, nowUs + this.#longestUs);
    else if (isEarlier) this.counts.reordered += 1;
    if (arrivalUs > this.#lastArrivalUs) this.#lastArrivalUs = arrivalUs;
    this.arrivals[this.copies++] = arrivalUs;
    this.counts.carried += 1;
  }

  /** Damages a copy of a PDU: a bit, a cut, more bytes. Returns the damaged one. */
  corrupt(pdu: Uint8Array): Uint8Array {
    const { corruptPct } = this.#knobs;
    const dice = this.#dice;
    if (corruptPct === 0 || this.calm || !dice.odds(corruptPct / 100)) return pdu;
    this.counts.corrupted += 1;
    const kind = dice.below(8);
    if (kind === 0) return pdu.slice(0, dice.below(pdu.length));
    if (kind === 1) {
      const longer = new Uint8Array(pdu.length + dice.between(1, 8));
      longer.set(pdu);
      return longer;
    }
    const damaged = pdu.slice();
    const bits = kind === 2 ? 8 : 1;
    for (let n = 0; n < bits; n += 1) damaged[dice.below(pdu.length)]! ^= 1 << dice.below(8);
    return damaged;
  }
}

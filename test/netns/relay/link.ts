import type { Dice } from '../../sim/seeded.ts';

/** What one direction of a path does to datagrams. */
export interface Impairment {
  /** Nothing comes through. */
  readonly isDown: boolean;
  readonly lossPct: number;
  /** Losses come in bursts of 1 to so many, with a datagram let through after each; the share stays `lossPct`. */
  readonly lossBurstMax: number;
  /** Each so manieth is lost; 0: none. */
  readonly loseEvery: number;
  readonly duplicatePct: number;
  /** Further copies of a duplicated datagram. */
  readonly duplicateCopies: number;
  /** This share has one bit flipped. */
  readonly corruptPct: number;
  readonly delayUs: number;
  /** This share arrives up to `reorderUs` later than the rest. */
  readonly reorderPct: number;
  readonly reorderUs: number;
  /** Larger IP packets vanish without a word; 0: no limit. */
  readonly mtuBytes: number;
  /** 0: no limit. */
  readonly rateKbps: number;
  /** What may wait for the rate; what comes on top is dropped. */
  readonly queueBytes: number;
}

export const CLEAN: Impairment = {
  isDown: false,
  lossPct: 0,
  lossBurstMax: 1,
  loseEvery: 0,
  duplicatePct: 0,
  duplicateCopies: 1,
  corruptPct: 0,
  delayUs: 0,
  reorderPct: 0,
  reorderUs: 0,
  mtuBytes: 0,
  rateKbps: 0,
  queueBytes: 64_000,
};

/** A datagram, or a copy of it, and when it arrives. */
export interface Delivery {
  readonly atUs: number;
  readonly datagram: Uint8Array;
}

/** Datagrams, by what became of them. */
export interface LinkCounts {
  entered: number;
  lost: number;
  oversize: number;
  queueDrops: number;
  duplicates: number;
  corrupted: number;
  reordered: number;
}

/** Bytes of the headers below UDP's payload, IPv4. */
const IP_AND_UDP_BYTES = 28;

/** One direction of a path: `(state, datagram, now) -> deliveries`. The same seed decides the same. */
export class Link {
  impairment: Impairment = CLEAN;
  readonly counts: LinkCounts = {
    entered: 0,
    lost: 0,
    oversize: 0,
    queueDrops: 0,
    duplicates: 0,
    corrupted: 0,
    reordered: 0,
  };
  readonly #dice: Dice;
  readonly #headerBytes: number;
  #burstLeft = 0;
  #mustPass = false;
  #freeAtUs = 0;

  /** `headerBytes`: what each datagram has on the wire beside the bytes given. */
  constructor(dice: Dice, headerBytes = IP_AND_UDP_BYTES) {
    this.#dice = dice;
    this.#headerBytes = headerBytes;
  }

  /** What arrives of the datagram, earliest first. A delivered datagram may be the one given. */
  carry(datagram: Uint8Array, nowUs: number): Delivery[] {
    const { isDown, mtuBytes, duplicatePct, duplicateCopies, delayUs } = this.impairment;
    this.counts.entered += 1;
    const wireBytes = datagram.length + this.#headerBytes;
    if (mtuBytes > 0 && wireBytes > mtuBytes) {
      this.counts.oversize += 1;
      return [];
    }
    const leavesUs = this.#leaves(wireBytes, nowUs);
    if (leavesUs === null) {
      this.counts.queueDrops += 1;
      return [];
    }
    if (isDown || this.#isLost()) {
      this.counts.lost += 1;
      return [];
    }
    const copies = this.#chance(duplicatePct) ? 1 + duplicateCopies : 1;
    this.counts.duplicates += copies - 1;
    return Array.from({ length: copies }, () => ({
      atUs: leavesUs + delayUs + this.#lateness(),
      datagram: this.#damaged(datagram),
    })).sort((a, b) => a.atUs - b.atUs);
  }

  /** When it has left the queue before the slowest hop; `null`: the queue is full. */
  #leaves(wireBytes: number, nowUs: number): number | null {
    const { rateKbps, queueBytes } = this.impairment;
    if (rateKbps === 0) return nowUs;
    const startsUs = Math.max(nowUs, this.#freeAtUs);
    if (((startsUs - nowUs) * rateKbps) / 8_000 > queueBytes) return null;
    this.#freeAtUs = startsUs + Math.ceil((wireBytes * 8_000) / rateKbps);
    return this.#freeAtUs;
  }

  #isLost(): boolean {
    const { lossPct, lossBurstMax, loseEvery } = this.impairment;
    if (loseEvery > 0 && this.counts.entered % loseEvery === 0) return true;
    if (lossPct === 0) return false;
    if (lossBurstMax === 1) return this.#chance(lossPct);
    if (this.#burstLeft > 0) {
      this.#burstLeft -= 1;
      this.#mustPass = this.#burstLeft === 0;
      return true;
    }
    if (this.#mustPass) {
      this.#mustPass = false;
      return false;
    }
    // A cycle is a burst of m, one that must pass, and on average 1/s - 1 more: s such that the share is lossPct.
    const mean = (1 + lossBurstMax) / 2;
    const share = lossPct / 100;
    if (!this.#dice.odds(Math.min(1, share / (mean * (1 - share))))) return false;
    this.#burstLeft = this.#dice.between(1, lossBurstMax) - 1;
    this.#mustPass = this.#burstLeft === 0;
    return true;
  }

  #lateness(): number {
    const { reorderPct, reorderUs } = this.impairment;
    if (!this.#chance(reorderPct)) return 0;
    this.counts.reordered += 1;
    return this.#dice.below(reorderUs + 1);
  }

  #damaged(datagram: Uint8Array): Uint8Array {
    if (datagram.length === 0 || !this.#chance(this.impairment.corruptPct)) return datagram;
    this.counts.corrupted += 1;
    const damaged = datagram.slice();
    damaged[this.#dice.below(damaged.length)]! ^= 1 << this.#dice.below(8);
    return damaged;
  }

  #chance(pct: number): boolean {
    return pct > 0 && this.#dice.odds(pct / 100);
  }
}

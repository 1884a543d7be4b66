import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { PeerAddress } from '../fa-flow.ts';

/** Leases that are remembered; further ones are counted and left out. */
export const LEASES_MAX = 65_536;
/** How long leases are believed that cannot be renewed because the server is away, us. */
export const STALE_US = 60_000_000;

interface Lease {
  readonly peer: PeerAddress;
  expiresUs: InstantUs;
  /** The snapshot it was last seen in. */
  snapshot: number;
}

/**
 * A copy of who holds which name, each for the time of its lease. While the source of news is away, what was valid
 * when it left is believed for 60 s more. Pure; time never decreases.
 */
export class LeaseTable {
  readonly #byName = new Map<string, Lease[]>();
  #size = 0;
  #snapshot = 0;
  #awaySinceUs: InstantUs | null = 0;
  /** Leases left out because the table was full. */
  overBound = 0;

  get size(): number {
    return this.#size;
  }

  /** A lease was made or renewed. */
  put(name: string, peer: PeerAddress, leaseUs: DurationUs, nowUs: InstantUs): void {
    const leases = this.#byName.get(name) ?? [];
    const known = leases.find((lease) => lease.peer === peer);
    if (known !== undefined) {
      known.expiresUs = nowUs + leaseUs;
      known.snapshot = this.#snapshot;
      return;
    }
    if (this.#size >= LEASES_MAX) {
      this.overBound += 1;
      return;
    }
    leases.push({ peer, expiresUs: nowUs + leaseUs, snapshot: this.#snapshot });
    this.#byName.set(name, leases);
    this.#size += 1;
  }

  /** A lease was given back. */
  remove(name: string, peer: PeerAddress): void {
    this.#keep(name, (lease) => lease.peer !== peer);
  }

  /** Those who hold the name: first heard first, those that failed last. */
  lookup(name: string, nowUs: InstantUs): readonly PeerAddress[] {
    const leases = this.#byName.get(name) ?? [];
    return leases.filter((lease) => this.#isValid(lease, nowUs)).map((lease) => lease.peer);
  }

  /** A flow to the name could not be had at that peer. */
  failed(name: string, peer: PeerAddress): void {
    const leases = this.#byName.get(name);
    const at = leases?.findIndex((lease) => lease.peer === peer) ?? -1;
    if (at >= 0) leases!.push(...leases!.splice(at, 1));
  }

  /** The source is back, and tells everything it knows. */
  beginSnapshot(): void {
    this.#snapshot += 1;
  }

  //= R-DIR-10
  /** It has told everything: what it did not tell is gone. */
  endSnapshot(): void {
    this.#awaySinceUs = null;
    for (const name of [...this.#byName.keys()]) {
      this.#keep(name, (lease) => lease.snapshot === this.#snapshot);
    }
  }

  /** The source is away. */
  noteAway(nowUs: InstantUs): void {
    this.#awaySinceUs ??= nowUs;
  }

  /** Forgets leases that are over. */
  sweep(nowUs: InstantUs): void {
    for (const name of [...this.#byName.keys()]) this.#keep(name, (lease) => this.#isValid(lease, nowUs));
  }

  //= R-DIR-09
  //= R-DIR-11
  #isValid(lease: Lease, nowUs: InstantUs): boolean {
    const awayUs = this.#awaySinceUs;
    if (awayUs === null) return nowUs < lease.expiresUs;
    return nowUs < lease.expiresUs || (lease.expiresUs > awayUs && nowUs < awayUs + STALE_US);
  }

  #keep(name: string, wanted: (lease: Lease) => boolean): void {
    const leases = this.#byName.get(name);
    if (leases === undefined) return;
    const kept = leases.filter(wanted);
    this.#size -= leases.length - kept.length;
    if (kept.length === 0) this.#byName.delete(name);
    else if (kept.length < leases.length) this.#byName.set(name, kept);
  }
}

/** What of an address the cache uses. */
export interface CachedPeer<Key> {
  readonly key: Key;
  /** How many times it is held. */
  holds: number;
}

/**
 * The peers a socket knows, by key. Those not held are forgotten in two generations: whoever was not looked up
 * while half of the bound was new is gone, so a flood of forged senders costs bounded memory.
 */
export class PeerCache<Key, Peer extends CachedPeer<Key>> {
  readonly #generationMax: number;
  readonly #held = new Map<Key, Peer>();
  #young = new Map<Key, Peer>();
  #old = new Map<Key, Peer>();

  /** `peersMax`: bound of those not held. */
  constructor(peersMax: number) {
    this.#generationMax = Math.ceil(peersMax / 2);
  }

  get size(): number {
    return this.#held.size + this.#young.size + this.#old.size;
  }

  get(key: Key): Peer | undefined {
    const near = this.#held.get(key) ?? this.#young.get(key);
    if (near !== undefined) return near;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.add(old);
    return old;
  }

  /** A peer `get` did not know. */
  add(peer: Peer): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(peer.key, peer);
  }

  hold(peer: Peer): void {
    if (++peer.holds > 1) return;
    this.#young.delete(peer.key);
    this.#old.delete(peer.key);
    this.#held.set(peer.key, peer);
  }

  release(peer: Peer): void {
    if (peer.holds === 0 || --peer.holds > 0) return;
    if (this.#held.get(peer.key) !== peer) return;
    this.#held.delete(peer.key);
    this.add(peer);
  }
}

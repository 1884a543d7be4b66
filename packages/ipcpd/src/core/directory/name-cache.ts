import type { InstantUs } from '@flowring/frcp';
import type { PeerAddress } from '../fa-flow.ts';

/** Names whose whereabouts are remembered; past it the oldest is forgotten. */
export const CACHED_NAMES_MAX = 4_096;
/** IPCPs remembered for one name. */
export const CACHED_PEERS_MAX = 8;
/** How long an answer is believed, us. */
export const FOUND_US = 30_000_000;
/** How long it is believed that nobody has a name, us. */
export const ABSENT_US = 1_000_000;

interface Entry {
  /** First heard first; empty: nobody has the name. */
  readonly peers: PeerAddress[];
  readonly expiresUs: InstantUs;
}

/** What was learned of names, for a time. */
export class NameCache {
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** The peers that have the name, none when nobody has it; `null`: not known (any more). */
  get(name: string, nowUs: InstantUs): readonly PeerAddress[] | null {
    const entry = this.#entries.get(name);
    if (entry === undefined) return null;
    if (nowUs < entry.expiresUs) return entry.peers;
    this.#entries.delete(name);
    return null;
  }

  found(name: string, peer: PeerAddress, nowUs: InstantUs): void {
    const known = this.get(name, nowUs);
    if (known === null || known.length === 0) return this.#put(name, [peer], nowUs + FOUND_US);
    if (!known.includes(peer) && known.length < CACHED_PEERS_MAX) this.#entries.get(name)!.peers.push(peer);
  }

  absent(name: string, nowUs: InstantUs): void {
    this.#put(name, [], nowUs + ABSENT_US);
  }

  /** It has not the name, or cannot be reached: the next one is the first now. */
  failed(name: string, peer: PeerAddress): void {
    const entry = this.#entries.get(name);
    const at = entry?.peers.indexOf(peer) ?? -1;
    if (at < 0) return;
    entry!.peers.splice(at, 1);
    if (entry!.peers.length === 0) this.#entries.delete(name);
  }

  #put(name: string, peers: PeerAddress[], expiresUs: InstantUs): void {
    this.#entries.delete(name);
    if (this.#entries.size >= CACHED_NAMES_MAX) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(name, { peers, expiresUs });
  }
}

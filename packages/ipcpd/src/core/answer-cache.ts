import { LIMITS } from '@flowring/common';
import type { FaFlow, PeerAddress } from './fa-flow.ts';

/** What became of one request, remembered so that a copy of it gets the same answer again. */
export interface RememberedRequest {
  readonly peer: PeerAddress;
  /** The flow it made here; `null` when it was refused or cancelled. */
  flow: FaFlow | null;
  /** The answer sent; `null` while there is none, or when the request was cancelled before it came. */
  answer: Uint8Array | null;
}

/** Remembered requests, by sender and 128-bit id. Full means full: a live entry is never forgotten early. */
export class AnswerCache {
  readonly #entries = new Map<string, RememberedRequest>();
  readonly #perPeer = new Map<PeerAddress, number>();

  get size(): number {
    return this.#entries.size;
  }

  static key(peer: PeerAddress, id: string): string {
    return `${id}${peer}`;
  }

  get(key: string): RememberedRequest | undefined {
    return this.#entries.get(key);
  }

  /** Remembers a request; false at the bound for all peers or for this one. */
  add(key: string, entry: RememberedRequest): boolean {
    const ofPeer = this.#perPeer.get(entry.peer) ?? 0;
    if (this.#entries.size >= LIMITS.answersMax || ofPeer >= LIMITS.answersPerPeerMax) return false;
    this.#entries.set(key, entry);
    this.#perPeer.set(entry.peer, ofPeer + 1);
    return true;
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const left = this.#perPeer.get(entry.peer)! - 1;
    if (left === 0) this.#perPeer.delete(entry.peer);
    else this.#perPeer.set(entry.peer, left);
  }
}

import { LIMITS } from '@flowring/common';
import type { InstantUs } from '@flowring/frcp';
import type { FaFlow } from './fa-flow.ts';

/** What an entry is taken to cost, beside the bytes of its answer. */
const ENTRY_BYTES = 128;
/** What holding any bytes costs. */
const BUFFER_BYTES = 256;

/** What became of a request that is over. */
export interface RememberedAnswer {
  /** For a copy of the request; `null`: its requester knows it, or asks no more. */
  readonly answer: Uint8Array | null;
  /** No copy comes later. Running time: what our own stalls took is no part of it. */
  readonly untilUs: InstantUs;
}

/** The requests of one peer, by their number. */
export interface PeerRequests {
  /** Not over: the flow holds what a copy is answered with. */
  readonly open: Map<number, FaFlow>;
  /** Over, in the order in which they were. */
  readonly over: Map<number, RememberedAnswer>;
  bytes: number;
  /** What the answers to the open ones cost. */
  openBytes: number;
  /** Up to this number requests may have been forgotten early: one that is not known may have been served. */
  floor: number;
  /** When the last of those would have been forgotten. */
  floorUntilUs: InstantUs;
}

export function newPeerRequests(): PeerRequests {
  return { open: new Map(), over: new Map(), bytes: 0, openBytes: 0, floor: 0, floorUntilUs: 0 };
}

/**
 * The requests that are over, of all peers, as long as a copy may come. Bounded in bytes: at the bound the peer's oldest
 * are forgotten, and its floor remembers in their place that their numbers and all below are used up.
 */
export class AnswerCache {
  #bytes = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  //= R-FA-06
  remember(requests: PeerRequests, number: number, entry: RememberedAnswer): void {
    requests.over.set(number, entry);
    this.#size += 1;
    this.#charge(requests, bytesOf(entry));
    if (this.#bytes > LIMITS.answersMaxBytes || requests.bytes > LIMITS.answersPerPeerMaxBytes) {
      this.#forgetOldest(requests);
    }
  }

  /** An eighth of the peer's: a walk to the oldest passes all that were there before it, so it is made seldom. */
  #forgetOldest(requests: PeerRequests): void {
    const enough = requests.bytes - requests.bytes / 8;
    for (const [number, { untilUs }] of requests.over) {
      this.#forget(requests, number);
      requests.floor = Math.max(requests.floor, number);
      requests.floorUntilUs = Math.max(requests.floorUntilUs, untilUs);
      if (requests.bytes <= enough && this.#bytes <= LIMITS.answersMaxBytes) return;
    }
  }

  /** Forgets what no copy can come of. False: nothing of the peer is left. */
  sweep(requests: PeerRequests, runningUs: InstantUs): boolean {
    for (const [number, { untilUs }] of requests.over) {
      if (untilUs <= runningUs) this.#forget(requests, number);
    }
    if (requests.floorUntilUs <= runningUs) requests.floor = 0;
    return requests.over.size > 0 || requests.floor > 0;
  }

  /** The requests were those of a past incarnation. */
  clear(requests: PeerRequests): void {
    for (const number of requests.over.keys()) this.#forget(requests, number);
    requests.floor = 0;
    requests.floorUntilUs = 0;
  }

  #forget(requests: PeerRequests, number: number): void {
    const entry = requests.over.get(number)!;
    requests.over.delete(number);
    this.#size -= 1;
    this.#charge(requests, -bytesOf(entry));
  }

  #charge(requests: PeerRequests, bytes: number): void {
    requests.bytes += bytes;
    this.#bytes += bytes;
  }
}

function bytesOf({ answer }: RememberedAnswer): number {
  return answer === null ? ENTRY_BYTES : ENTRY_BYTES + answerBytes(answer);
}

/** What keeping an answer costs. */
export function answerBytes(answer: Uint8Array): number {
  return BUFFER_BYTES + answer.length;
}

import type { DurationUs, InstantUs } from '@flowring/frcp';
import { LIMITS } from '@flowring/common';
import type { Deadline } from '../deadline-queue.ts';
import { DeadlineQueue } from '../deadline-queue.ts';
import type { PeerAddress } from '../fa-flow.ts';
import type { DirectoryPdu } from './directory-pdu.ts';
import { decodeDirectoryPdu, encodeDirectoryPdu } from './directory-pdu.ts';
import { NameCache } from './name-cache.ts';

//= R-DIR-08
/** Names being asked for at once; past it a lookup fails. */
export const QUERIES_MAX = 1_024;
/** Lookups that wait for one name. */
export const LOOKUPS_PER_QUERY_MAX = 4_096;
/** Peers that are asked; a configuration has no more. */
export const DIRECTORY_PEERS_MAX = 1_024;
/** First pause between two copies of a query; doubles up to the longest. */
export const RETRY_MIN_US = 100_000;
/** So short that, with 30% lost each way, 20 copies fit the time and one in a million lookups fails for it. */
export const RETRY_MAX_US = 200_000;
/** After this a peer that has not answered has not the name. */
export const QUERY_US = 4_000_000;
/** The same for a peer that was silent the last time, when all others have answered. */
export const SILENT_QUERY_US = 500_000;

export type QueryInput =
  | { readonly t: 'register'; readonly name: string }
  | { readonly t: 'unregister'; readonly name: string }
  /** Answered by a `found` or `failed` with that ticket, in this turn or later. */
  | { readonly t: 'lookup'; readonly name: string; readonly ticket: number }
  /** A flow to the name could not be had at that peer. */
  | { readonly t: 'failed'; readonly name: string; readonly peer: PeerAddress }
  | { readonly t: 'pdu'; readonly peer: PeerAddress; readonly pdu: Uint8Array };

export type QueryOutput =
  | { readonly t: 'send'; readonly peer: PeerAddress; readonly pdu: Uint8Array }
  /** `null`: nobody has the name. */
  | { readonly t: 'found'; readonly ticket: number; readonly peer: PeerAddress | null }
  /** Too many lookups, or no peer answered at all. */
  | { readonly t: 'failed'; readonly ticket: number; readonly reason: 'too-many' | 'silent' };

export interface QueryStats {
  queriesSent: number;
  queriesReceived: number;
  answersReceived: number;
  /** Answers that nobody waits for, or from somebody who was not asked. */
  answersStray: number;
  pdusMalformed: number;
  /** Lookups that the cache answered. */
  cacheHits: number;
}

export interface QueryDirectoryOptions {
  /** Ourselves, as an answer to a lookup of our own names. */
  readonly self: PeerAddress;
  /** Whom to ask. */
  readonly peers: readonly PeerAddress[];
  /** Random 32 bits; seeded in tests. */
  readonly random: () => number;
}

/** A question to all peers. */
interface Query {
  readonly id: string;
  readonly name: string;
  readonly pdu: Uint8Array;
  readonly startedUs: InstantUs;
  /** Peers that have not answered. */
  readonly open: Set<PeerAddress>;
  tickets: number[];
  answered: number;
  /** Somebody has the name: what still comes is kept for when that one fails. */
  found: boolean;
  pauseUs: DurationUs;
  timer: Deadline<Query> | null;
}

/**
 * A directory that asks the peers of the layer: the first that says yes is the answer, others that do are kept for
 * when it fails. Answers are remembered for 30 s, that nobody has a name for 1 s. Pure; time never decreases.
 */
export class QueryDirectory {
  readonly stats: QueryStats = {
    queriesSent: 0,
    queriesReceived: 0,
    answersReceived: 0,
    answersStray: 0,
    pdusMalformed: 0,
    cacheHits: 0,
  };
  readonly #options: QueryDirectoryOptions;
  readonly #own = new Set<string>();
  readonly #cache = new NameCache();
  readonly #byId = new Map<string, Query>();
  readonly #byName = new Map<string, Query>();
  readonly #timers = new DeadlineQueue<Query>();
  /** Peers that left a query unanswered, and have not answered one since. */
  readonly #silent = new Set<PeerAddress>();
  #out: QueryOutput[] = [];

  constructor(options: QueryDirectoryOptions) {
    this.#options = options;
  }

  /** Takes one input at `nowUs`; returns what to do, in order. */
  handle(input: QueryInput, nowUs: InstantUs): readonly QueryOutput[] {
    switch (input.t) {
      case 'register':
        if (this.#own.size < LIMITS.namesMax) this.#own.add(input.name);
        break;
      case 'unregister':
        this.#own.delete(input.name);
        break;
      case 'lookup':
        this.#lookup(input.name, input.ticket, nowUs);
        break;
      case 'failed':
        this.#cache.failed(input.name, input.peer);
        break;
      case 'pdu':
        this.#receive(input.peer, input.pdu, nowUs);
        break;
    }
    return this.#takeOut();
  }

  /** Does what is due. */
  handleTimeout(nowUs: InstantUs): readonly QueryOutput[] {
    for (let due = this.#timers.takeDue(nowUs); due !== null; due = this.#timers.takeDue(nowUs)) {
      due.timer = null;
      if (due.found || this.#isOver(due, nowUs)) this.#conclude(due, nowUs);
      else this.#ask(due, nowUs);
    }
    return this.#takeOut();
  }

  nextTimeout(): InstantUs | null {
    return this.#timers.nextAt();
  }

  /** Sizes of the tables. */
  inspect(): Readonly<Record<'names' | 'cached' | 'queries' | 'timers', number>> {
    return {
      names: this.#own.size,
      cached: this.#cache.size,
      queries: this.#byId.size,
      timers: this.#timers.size,
    };
  }

  #lookup(name: string, ticket: number, nowUs: InstantUs): void {
    //= R-DIR-01
    if (this.#own.has(name)) return this.#found(ticket, this.#options.self);
    const known = this.#cache.get(name, nowUs);
    if (known !== null) {
      this.stats.cacheHits += 1;
      return this.#found(ticket, known[0] ?? null);
    }
    if (this.#options.peers.length === 0) return this.#found(ticket, null);
    const query = this.#openQuery(name) ?? this.#start(name, nowUs);
    if (query === null || query.tickets.length >= LOOKUPS_PER_QUERY_MAX) {
      this.#out.push({ t: 'failed', ticket, reason: 'too-many' });
      return;
    }
    query.tickets.push(ticket);
  }

  /** The query under way for a name; one that found somebody who failed meanwhile is none. */
  #openQuery(name: string): Query | null {
    const query = this.#byName.get(name);
    if (query === undefined) return null;
    if (!query.found) return query;
    this.#forget(query);
    return null;
  }

  #start(name: string, nowUs: InstantUs): Query | null {
    if (this.#byId.size >= QUERIES_MAX) return null;
    const id = this.#randomId();
    const query: Query = {
      id,
      name,
      pdu: encodeDirectoryPdu({ t: 'query', id, name }),
      startedUs: nowUs,
      open: new Set(this.#options.peers),
      tickets: [],
      answered: 0,
      found: false,
      pauseUs: RETRY_MIN_US,
      timer: null,
    };
    this.#byId.set(id, query);
    this.#byName.set(name, query);
    this.#ask(query, nowUs);
    return query;
  }

  //= R-DIR-06
  /** Sends a copy to whom we have not heard, and comes back when the next is due or the time is over. */
  #ask(query: Query, nowUs: InstantUs): void {
    for (const peer of query.open) {
      this.stats.queriesSent += 1;
      this.#out.push({ t: 'send', peer, pdu: query.pdu });
    }
    const nextUs = Math.min(nowUs + query.pauseUs, query.startedUs + QUERY_US);
    query.timer = this.#timers.add(nextUs, query);
    query.pauseUs = Math.min(RETRY_MAX_US, query.pauseUs * 2);
  }

  #receive(peer: PeerAddress, bytes: Uint8Array, nowUs: InstantUs): void {
    const pdu = decodeDirectoryPdu(bytes);
    if (pdu === null) {
      this.stats.pdusMalformed += 1;
      return;
    }
    if (pdu.t === 'query') {
      this.stats.queriesReceived += 1;
      const answer: DirectoryPdu = { t: 'answer', id: pdu.id, has: this.#own.has(pdu.name) };
      this.#out.push({ t: 'send', peer, pdu: encodeDirectoryPdu(answer) });
      return;
    }
    const query = this.#byId.get(pdu.id);
    //= R-DIR-05
    if (query === undefined || !query.open.delete(peer)) {
      this.stats.answersStray += 1;
      return;
    }
    this.stats.answersReceived += 1;
    this.#silent.delete(peer);
    query.answered += 1;
    this.#answered(query, peer, pdu.has, nowUs);
  }

  //= R-DIR-07
  #answered(query: Query, peer: PeerAddress, has: boolean, nowUs: InstantUs): void {
    if (has) {
      this.#cache.found(query.name, peer, nowUs);
      this.#release(query, peer);
      query.found = true;
    }
    if (this.#isOver(query, nowUs)) this.#conclude(query, nowUs);
  }

  /** Whether there is nobody to wait for any more. */
  #isOver(query: Query, nowUs: InstantUs): boolean {
    const ageUs = nowUs - query.startedUs;
    if (query.open.size === 0 || ageUs >= QUERY_US) return true;
    if (ageUs < SILENT_QUERY_US || query.answered === 0) return false;
    for (const peer of query.open) if (!this.#silent.has(peer)) return false;
    return true;
  }

  #conclude(query: Query, nowUs: InstantUs): void {
    this.#forget(query);
    if (query.found) return;
    for (const peer of query.open) this.#silent.add(peer);
    if (query.answered > 0) {
      this.#cache.absent(query.name, nowUs);
      return this.#release(query, null);
    }
    for (const ticket of query.tickets) this.#out.push({ t: 'failed', ticket, reason: 'silent' });
  }

  #forget(query: Query): void {
    this.#timers.cancel(query.timer);
    this.#byId.delete(query.id);
    this.#byName.delete(query.name);
  }

  /** Tells those who wait. */
  #release(query: Query, peer: PeerAddress | null): void {
    const { tickets } = query;
    query.tickets = [];
    for (const ticket of tickets) this.#found(ticket, peer);
  }

  #found(ticket: number, peer: PeerAddress | null): void {
    this.#out.push({ t: 'found', ticket, peer });
  }

  #randomId(): string {
    let id = '';
    for (let word = 0; word < 2; word += 1) {
      const bits = this.#options.random();
      for (let shift = 24; shift >= 0; shift -= 8) id += String.fromCharCode((bits >>> shift) & 255);
    }
    return id;
  }

  #takeOut(): readonly QueryOutput[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

import { FlowringError } from '@flowring/common';
import type { Digest } from '../../core/o7s/digest.ts';
import type { HashedNames } from '../../core/o7s/name-hash.ts';
import { hostOfHash, nameHash } from '../../core/o7s/name-hash.ts';
import type { PeerAddress } from '../../core/fa-flow.ts';
import type { Directory } from '../layer.ts';
import type { O7sConfig } from './o7s-config.ts';
import { formatNode } from './o7s-config.ts';

/** How long an answer of the resolver is believed, ms. It tells no lifetime; C believes it for ever. */
export const RESOLVED_MS = 30_000;
/** Answers of the resolver that are remembered; past it the oldest goes. */
export const RESOLVED_MAX = 4_096;
/** Names the resolver is asked for at once; the rest is unknown for now. */
export const RESOLVING_MAX = 64;

/** The IP literal of a host name, `null`: there is none. Never rejects. */
export type Resolve = (host: string) => Promise<string | null>;

interface Resolved {
  readonly peer: PeerAddress;
  readonly untilMs: number;
}

/**
 * Which node has a name: what the configuration says, then this node for its own names, then what the resolver says of
 * the name's hash. A name the resolver does not know is asked for again each time.
 */
//= R-OUDP-20
export class O7sDirectory implements Directory {
  readonly #config: O7sConfig;
  readonly #names: HashedNames;
  readonly #digest: Digest;
  readonly #self: PeerAddress;
  readonly #resolve: Resolve;
  readonly #nowMs: () => number;
  readonly #resolved = new Map<string, Resolved>();
  readonly #resolving = new Map<string, Promise<PeerAddress | null>>();

  constructor(options: {
    readonly config: O7sConfig;
    readonly names: HashedNames;
    readonly digest: Digest;
    /** This node, as it reaches itself. */
    readonly self: PeerAddress;
    readonly resolve: Resolve;
    readonly nowMs: () => number;
  }) {
    this.#config = options.config;
    this.#names = options.names;
    this.#digest = options.digest;
    this.#self = options.self;
    this.#resolve = options.resolve;
    this.#nowMs = options.nowMs;
  }

  /** Throws `FLOWRING_EXISTS` when another registered name has this hash, `FLOWRING_TOO_MANY` at `LIMITS.namesMax`. */
  //= R-OUDP-21
  register(name: string): void {
    if (this.#names.register(name)) return;
    const isTaken = this.#names.nameOf(nameHash(this.#digest, name)) !== null;
    throw new FlowringError(isTaken ? 'FLOWRING_EXISTS' : 'FLOWRING_TOO_MANY', { details: { name } });
  }

  unregister(name: string): void {
    this.#names.unregister(name);
  }

  lookup(name: string): PeerAddress | null | Promise<PeerAddress | null> {
    const configured = this.#config.names.get(name);
    if (configured !== undefined) return formatNode(configured);
    const hash = nameHash(this.#digest, name);
    if (this.#names.nameOf(hash) === name) return this.#self;
    return this.#config.resolver ? this.#ask(hostOfHash(hash)) : null;
  }

  #ask(host: string): PeerAddress | null | Promise<PeerAddress | null> {
    const known = this.#resolved.get(host);
    if (known !== undefined && known.untilMs > this.#nowMs()) return known.peer;
    const running = this.#resolving.get(host);
    if (running !== undefined) return running;
    if (this.#resolving.size >= RESOLVING_MAX) return null;
    const asking = this.#resolve(host).then((address) => this.#answered(host, address));
    this.#resolving.set(host, asking);
    return asking;
  }

  #answered(host: string, address: string | null): PeerAddress | null {
    this.#resolving.delete(host);
    this.#resolved.delete(host);
    if (address === null) return null;
    const { port } = this.#config;
    const peer = formatNode({ host: address, port });
    for (const oldest of this.#resolved.keys()) {
      if (this.#resolved.size < RESOLVED_MAX) break;
      this.#resolved.delete(oldest);
    }
    this.#resolved.set(host, { peer, untilMs: this.#nowMs() + RESOLVED_MS });
    return peer;
  }
}

import type { UdpAddress } from '../datagram.ts';
import type { PeerCache } from '../core/peer-cache.ts';
import { AF_INET, AF_INET6, SOCKADDR_BYTES } from './constants.ts';
import type { Libc } from './libc.ts';
import { canonicalHost } from './literal.ts';

/** A peer and its `sockaddr`, as 32-bit words: 4 of IPv4, 7 of IPv6. */
export interface NativePeer extends UdpAddress {
  readonly words: Uint32Array;
  readonly key: number | string;
  holds: number;
}

export const NOBODY: NativePeer = {
  host: '',
  port: 0,
  family: 4,
  tag: null,
  words: new Uint32Array(7),
  key: '',
  holds: 0,
};

/** Direct-mapped; a power of 2. */
const RECENT_PEERS = 1_024;
const INTERFACE_NAME_BYTES = 16;
const TEXT_BYTES = 64;

/** Names of one family in the kernel's form, and the peers they stand for. */
export class Sockaddrs {
  readonly family: 4 | 6;
  readonly #libc: Libc;
  readonly #peers: PeerCache<number | string, NativePeer>;
  readonly #recent: NativePeer[] = new Array<NativePeer>(RECENT_PEERS).fill(NOBODY);

  constructor(libc: Libc, family: 4 | 6, peers: PeerCache<number | string, NativePeer>) {
    this.#libc = libc;
    this.family = family;
    this.#peers = peers;
  }

  /** The peer whose sockaddr stands at `words[at]`. Only the first time costs more than a look at the words. */
  peerAt(words: Uint32Array, at: number): NativePeer {
    const isSix = this.family === 6;
    const host = isSix ? words[at + 2]! ^ words[at + 3]! ^ words[at + 4]! ^ words[at + 5]! : words[at + 1]!;
    const slot = Math.imul(host ^ words[at]!, 0x9e3779b1) >>> 22;
    const recent = this.#recent[slot]!;
    if (isSix ? sameSix(recent.words, words, at) : sameFour(recent.words, words, at)) return recent;
    return (this.#recent[slot] = this.#find(words, at));
  }

  /** The peer of a literal of this family. Throws `FLOWRING_INVALID_ARGUMENT`. */
  peerOf(host: string, port: number): NativePeer {
    return this.peerAt(this.encode(host, port), 0);
  }

  /** Throws `FLOWRING_INVALID_ARGUMENT`. */
  encode(host: string, port: number): Uint32Array {
    const isSix = this.family === 6;
    const [address, scope] = canonicalHost(host, this.family).split('%');
    const words = new Uint32Array(SOCKADDR_BYTES[this.family] / 4);
    words[0] = (isSix ? AF_INET6 : AF_INET) | (((port & 0xff) << 24) | ((port >> 8) << 16));
    const bytes = new Uint8Array(words.buffer, isSix ? 8 : 4);
    this.#libc.inet_pton(isSix ? AF_INET6 : AF_INET, address!, bytes);
    if (scope !== undefined)
      words[6] = /^\d+$/.test(scope) ? Number(scope) : this.#libc.if_nametoindex(scope);
    return words;
  }

  #find(words: Uint32Array, at: number): NativePeer {
    const own = words.slice(at, at + SOCKADDR_BYTES[this.family] / 4);
    if (this.family === 6) own[1] = 0;
    const key = this.family === 6 ? own.join() : own[1]! * 65_536 + (own[0]! >>> 16);
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      const host = this.#hostOf(own);
      const port = ((own[0]! >>> 24) | ((own[0]! >>> 8) & 0xff00)) & 0xffff;
      peer = { host, port, family: this.family, tag: null, words: own, key, holds: 0 };
      this.#peers.add(peer);
    }
    return peer;
  }

  #hostOf(words: Uint32Array): string {
    const isSix = this.family === 6;
    const bytes = new Uint8Array(words.buffer, isSix ? 8 : 4);
    const text = new Uint8Array(TEXT_BYTES);
    const host = this.#libc.inet_ntop(isSix ? AF_INET6 : AF_INET, bytes, text, TEXT_BYTES)!;
    const scope = isSix ? words[6]! : 0;
    if (scope === 0) return host;
    return `${host}%${this.#libc.if_indextoname(scope, new Uint8Array(INTERFACE_NAME_BYTES)) ?? scope}`;
  }
}

function sameFour(a: Uint32Array, words: Uint32Array, at: number): boolean {
  return a[0] === words[at] && a[1] === words[at + 1];
}

/** The flow label (word 1) is no part of who somebody is. */
function sameSix(a: Uint32Array, words: Uint32Array, at: number): boolean {
  return (
    a[0] === words[at] &&
    a[2] === words[at + 2] &&
    a[3] === words[at + 3] &&
    a[4] === words[at + 4] &&
    a[5] === words[at + 5] &&
    a[6] === words[at + 6]
  );
}

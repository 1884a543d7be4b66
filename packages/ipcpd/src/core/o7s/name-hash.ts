import { LIMITS } from '@flowring/common';
import type { Digest } from './digest.ts';

/** MD5, whatever hash the layer was told to use. */
export const NAME_HASH_BYTES = 16;

const utf8 = new TextEncoder();

/** What travels in place of a name: the MD5 of its bytes, without a terminator. */
//= R-OUDP-20
export function nameHash(digest: Digest, name: string): Uint8Array {
  return digest('md5', utf8.encode(name));
}

/** The host name under which the system's resolver finds the node of a name: its hash, 32 digits of lower case. */
//= R-OUDP-20
export function hostOfHash(hash: Uint8Array): string {
  let host = '';
  for (let i = 0; i < hash.length; i += 1) host += hash[i]!.toString(16).padStart(2, '0');
  return host;
}

/** The names registered with this IPCP, found by their hash: a request carries nothing else. */
//= R-OUDP-21
export class HashedNames {
  readonly #digest: Digest;
  readonly #byHost = new Map<string, string>();

  constructor(digest: Digest) {
    this.#digest = digest;
  }

  get size(): number {
    return this.#byHost.size;
  }

  /** False at `LIMITS.namesMax`, or when another name of that hash is registered. */
  register(name: string): boolean {
    const host = hostOfHash(nameHash(this.#digest, name));
    const known = this.#byHost.get(host);
    if (known !== undefined || this.#byHost.size >= LIMITS.namesMax) return known === name;
    this.#byHost.set(host, name);
    return true;
  }

  unregister(name: string): void {
    const host = hostOfHash(nameHash(this.#digest, name));
    if (this.#byHost.get(host) === name) this.#byHost.delete(host);
  }

  /** The registered name with this hash, or `null`. */
  nameOf(hash: Uint8Array): string | null {
    return this.#byHost.get(hostOfHash(hash)) ?? null;
  }
}

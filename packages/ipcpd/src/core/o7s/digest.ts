/** Hash functions of the O7s wire, by the names that OpenSSL gives them. */
export type DigestName =
  'md5' | 'sha256' | 'sha384' | 'sha512' | 'sha3-256' | 'sha3-384' | 'sha3-512' | 'blake2b512' | 'blake2s256';

/** The hash of `bytes`. The cores of this floor have no crypto of their own: the driver hands it in. */
export type Digest = (name: DigestName, bytes: Uint8Array) => Uint8Array;

/** A signature digest of the allocation header, by its OpenSSL number (include/ouroboros/crypt.h). */
const DIGESTS: ReadonlyMap<number, { readonly name: DigestName; readonly bytes: number }> = new Map([
  [672, { name: 'sha256', bytes: 32 }],
  [673, { name: 'sha384', bytes: 48 }],
  [674, { name: 'sha512', bytes: 64 }],
  [1056, { name: 'blake2b512', bytes: 64 }],
  [1057, { name: 'blake2s256', bytes: 32 }],
  [1096, { name: 'sha3-256', bytes: 32 }],
  [1097, { name: 'sha3-384', bytes: 48 }],
  [1098, { name: 'sha3-512', bytes: 64 }],
] as const);

const CIPHER_NIDS: ReadonlySet<number> = new Set([895, 898, 901, 904, 905, 906, 1018]);

/** What a reply hashes the request with when the request names no digest. */
const DEFAULT_NID = 673;

export function isDigestNid(nid: number): boolean {
  return DIGESTS.has(nid);
}

export function isCipherNid(nid: number): boolean {
  return CIPHER_NIDS.has(nid);
}

/** Bytes of the request's hash in the reply to a request with this signature digest; 0: an unknown one. */
export function requestHashBytes(digestNid: number): number {
  return DIGESTS.get(digestNid === 0 ? DEFAULT_NID : digestNid)?.bytes ?? 0;
}

/** The hash of a whole request as the reply to it carries it; empty for an unknown digest. */
//= R-OUDP-12
export function requestHash(digest: Digest, digestNid: number, request: Uint8Array): Uint8Array {
  const chosen = DIGESTS.get(digestNid === 0 ? DEFAULT_NID : digestNid);
  return chosen === undefined ? new Uint8Array(0) : digest(chosen.name, request);
}

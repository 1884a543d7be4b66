import { isCipherNid, isDigestNid } from './digest.ts';

/** Random bytes that name one allocation. */
export const OAP_ID_BYTES = 16;
/** Fixed fields of the allocation header. */
export const OAP_BYTES = 36;

const AT = { stamp: 16, cipher: 24, kdf: 26, digest: 28, certificate: 30, keyExchange: 32, data: 34 };
const KEX_IS_RAW = 0x8000;
const KEX_CLIENT_ENCAPSULATES = 0x4000;
/** Longest key-exchange data the field can say. */
const KEX_MAX_BYTES = 0x3fff;
const EMPTY = new Uint8Array(0);

/** The allocation header (OAP), request or reply. Lengths are those of the arrays. */
export interface OapHeader {
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** ns since 1970 UTC, unsigned 64-bit. */
  readonly stampNs: bigint;
  /** OpenSSL numbers; 0: none. */
  readonly cipherNid: number;
  readonly kdfNid: number;
  readonly digestNid: number;
  /** X.509, DER. */
  readonly certificate: Uint8Array;
  readonly keyExchange: KeyExchange;
  /** Message that rides along; the prototype never sends one. */
  readonly data: Uint8Array;
  /** Reply only: hash of the whole request. */
  readonly requestHash: Uint8Array;
  /** Signature of everything before it; only with a certificate. */
  readonly signature: Uint8Array;
}

export interface KeyExchange {
  /** Raw, or a DER SubjectPublicKeyInfo. */
  readonly isRaw: boolean;
  readonly clientEncapsulates: boolean;
  /** 16,383 at most. */
  readonly bytes: Uint8Array;
}

/** A header that asks for neither authentication nor encryption: the prototype's default. */
export function plainOap(id: Uint8Array, stampNs: bigint, hashOfRequest: Uint8Array = EMPTY): OapHeader {
  return {
    id,
    stampNs,
    cipherNid: 0,
    kdfNid: 0,
    digestNid: 0,
    certificate: EMPTY,
    keyExchange: { isRaw: false, clientEncapsulates: false, bytes: EMPTY },
    data: EMPTY,
    requestHash: hashOfRequest,
    signature: EMPTY,
  };
}

/** The bytes of a header. Fields must keep the bounds of their lengths. */
//= R-OUDP-10
export function encodeOap(oap: OapHeader): Uint8Array {
  const { certificate, keyExchange, data, requestHash, signature } = oap;
  const parts = [certificate, keyExchange.bytes, data, requestHash, signature];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, OAP_BYTES));
  const view = new DataView(out.buffer);
  out.set(oap.id, 0);
  view.setBigUint64(AT.stamp, oap.stampNs);
  view.setUint16(AT.cipher, oap.cipherNid);
  view.setUint16(AT.kdf, oap.kdfNid);
  view.setUint16(AT.digest, oap.digestNid);
  view.setUint16(AT.certificate, certificate.length);
  const flags =
    (keyExchange.isRaw ? KEX_IS_RAW : 0) | (keyExchange.clientEncapsulates ? KEX_CLIENT_ENCAPSULATES : 0);
  view.setUint16(AT.keyExchange, flags | keyExchange.bytes.length);
  view.setUint16(AT.data, data.length);
  let at = OAP_BYTES;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * The header in `bytes`, or `null`. `hashBytes`: 0 in a request; in a reply the size of the hash that the request
 * asked for, which no field tells. What remains behind the hash is the signature. Never throws; nothing in it
 * refers to `bytes`.
 */
//= R-OUDP-10
export function decodeOap(bytes: Uint8Array, hashBytes: number): OapHeader | null {
  if (bytes.length < OAP_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cipherNid = view.getUint16(AT.cipher);
  const kdfNid = view.getUint16(AT.kdf);
  const digestNid = view.getUint16(AT.digest);
  if (cipherNid !== 0 && !isCipherNid(cipherNid)) return null;
  if (kdfNid !== 0 && !isDigestNid(kdfNid)) return null;
  if (digestNid !== 0 && !isDigestNid(digestNid)) return null;
  const kex = view.getUint16(AT.keyExchange);
  const certificateEnd = OAP_BYTES + view.getUint16(AT.certificate);
  const kexEnd = certificateEnd + (kex & KEX_MAX_BYTES);
  const dataEnd = kexEnd + view.getUint16(AT.data);
  const hashEnd = dataEnd + hashBytes;
  if (hashEnd > bytes.length) return null;
  if (certificateEnd === OAP_BYTES && hashEnd !== bytes.length) return null;
  return {
    id: bytes.slice(0, OAP_ID_BYTES),
    stampNs: view.getBigUint64(AT.stamp),
    cipherNid,
    kdfNid,
    digestNid,
    certificate: bytes.slice(OAP_BYTES, certificateEnd),
    keyExchange: {
      isRaw: (kex & KEX_IS_RAW) !== 0,
      clientEncapsulates: (kex & KEX_CLIENT_ENCAPSULATES) !== 0,
      bytes: bytes.slice(certificateEnd, kexEnd),
    },
    data: bytes.slice(kexEnd, dataEnd),
    requestHash: bytes.slice(dataEnd, hashEnd),
    signature: bytes.slice(hashEnd),
  };
}

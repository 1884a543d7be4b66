import { decodeName } from '../name-bytes.ts';

/** Version in the second byte of every directory PDU; another version is dropped. */
export const DIRECTORY_VERSION = 1;

/** What two IPCPs of a layer say about names. `id`: the asker's 64 random bits, as 8 characters of 8 bits. */
export type DirectoryPdu =
  | { readonly t: 'query'; readonly id: string; readonly name: string }
  | { readonly t: 'answer'; readonly id: string; readonly has: boolean };

const MAGIC = 0xd1;
const QUERY = 1;
const ANSWER = 2;
const ID_BYTES = 8;
const HEADER_BYTES = 4 + ID_BYTES;
const utf8 = new TextEncoder();

/**
 * The bytes of a PDU: magic, version, type, flags (answer: 1 for yes), id, and the name of a query. An answer is
 * shorter than its query, so that asking with another's address multiplies nothing.
 */
//= R-DIR-04
export function encodeDirectoryPdu(pdu: DirectoryPdu): Uint8Array {
  const name = pdu.t === 'query' ? utf8.encode(pdu.name) : EMPTY;
  const bytes = new Uint8Array(HEADER_BYTES + name.length);
  bytes[0] = MAGIC;
  bytes[1] = DIRECTORY_VERSION;
  bytes[2] = pdu.t === 'query' ? QUERY : ANSWER;
  bytes[3] = pdu.t === 'answer' && pdu.has ? 1 : 0;
  for (let i = 0; i < ID_BYTES; i += 1) bytes[4 + i] = pdu.id.charCodeAt(i);
  bytes.set(name, HEADER_BYTES);
  return bytes;
}

/** The PDU in `bytes`, or `null` when they are not exactly one. Never throws; nothing in it refers to `bytes`. */
export function decodeDirectoryPdu(bytes: Uint8Array): DirectoryPdu | null {
  if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC || bytes[1] !== DIRECTORY_VERSION) return null;
  const flags = bytes[3]!;
  const id = String.fromCharCode(...bytes.subarray(4, HEADER_BYTES));
  if (bytes[2] === ANSWER) {
    return bytes.length === HEADER_BYTES && flags <= 1 ? { t: 'answer', id, has: flags === 1 } : null;
  }
  if (bytes[2] !== QUERY || flags !== 0) return null;
  const name = decodeName(bytes.subarray(HEADER_BYTES));
  return name === null ? null : { t: 'query', id, name };
}

const EMPTY = new Uint8Array(0);

import type { QosSpec } from '@flowring/common';
import { LIMITS, parseQos } from '@flowring/common';
import { decodeName } from './name-bytes.ts';

/** Version in the second byte of every FA PDU; another version is dropped. */
export const FA_VERSION = 1;
/** Groups into which the flows between two IPCPs fall; a keepalive carries one digest of each. */
export const DIGEST_BUCKETS = 16;
/** Status of a flow in a verdict: alive here. Any other value is the errno it ended with. */
export const VERDICT_ALIVE = 0xffff;
/** Flows in one probe or verdict: keeps both under 1200 bytes, the packet every path carries. */
export const PROBE_FLOWS_MAX = 110;

/** Two ends of a flow, as the sender of the PDU sees them. */
export interface EidPair {
  readonly sEid: number;
  readonly rEid: number;
}

/** What two flow allocators say to each other. `epoch`: random per start of the sending IPCP. */
export type FaPdu = { readonly epoch: number } & FaBody;

export type FaBody =
  | RequestBody
  | AnswerBody
  | { readonly t: 'cancel'; readonly id: string; readonly sEid: number }
  | ({ readonly t: 'confirm' } & EidPair)
  | ({ readonly t: 'down'; readonly errno: number } & EidPair)
  | { readonly t: 'alive'; readonly solicit: boolean; readonly digests: Uint32Array }
  | { readonly t: 'probe'; readonly flows: readonly EidPair[] }
  | { readonly t: 'verdict'; readonly flows: readonly FlowVerdict[] };

export interface RequestBody {
  readonly t: 'request';
  /** Its number and random bits, 16 characters of 8 bits: see `requestId`. */
  readonly id: string;
  readonly sEid: number;
  /** Time the requester still waits, ms. */
  readonly timeoutMs: number;
  readonly qos: QosSpec;
  readonly name: string;
  readonly data: Uint8Array;
}

export interface AnswerBody extends EidPair {
  readonly t: 'answer';
  readonly id: string;
  /** 0: accepted. */
  readonly errno: number;
  readonly data: Uint8Array;
}

export interface FlowVerdict extends EidPair {
  readonly status: number;
}

const TYPE = {
  request: 1,
  answer: 2,
  cancel: 3,
  confirm: 4,
  down: 5,
  alive: 6,
  probe: 7,
  verdict: 8,
} as const;

const MAGIC = 0xfa;
const HEADER_BYTES = 8;
const ID_BYTES = 16;
const REQUEST_BYTES = HEADER_BYTES + ID_BYTES + 8 + 30 + 4;
const ANSWER_BYTES = HEADER_BYTES + ID_BYTES + 12;
const EMPTY = new Uint8Array(0);
const utf8 = new TextEncoder();

/** The bytes of a PDU: header (magic, version, type, flags, epoch), then fixed fields in network byte order. */
export function encodeFaPdu(epoch: number, body: FaBody): Uint8Array {
  const name = body.t === 'request' ? utf8.encode(body.name) : EMPTY;
  const bytes = new Uint8Array(lengthOf(body, name.length));
  const view = new DataView(bytes.buffer);
  bytes[0] = MAGIC;
  bytes[1] = FA_VERSION;
  bytes[2] = TYPE[body.t];
  view.setUint32(4, epoch);
  switch (body.t) {
    case 'request':
      writeRequest(bytes, view, body, name);
      break;
    case 'answer':
      writeAnswer(bytes, view, body);
      break;
    case 'cancel':
      writeId(bytes, body.id);
      view.setUint32(24, body.sEid);
      break;
    case 'confirm':
      writePair(view, HEADER_BYTES, body);
      break;
    case 'down':
      writePair(view, HEADER_BYTES, body);
      view.setUint16(16, body.errno);
      break;
    case 'alive':
      bytes[3] = body.solicit ? 1 : 0;
      for (let i = 0; i < DIGEST_BUCKETS; i += 1) view.setUint32(HEADER_BYTES + 4 * i, body.digests[i]!);
      break;
    case 'probe':
      view.setUint16(8, body.flows.length);
      body.flows.forEach((flow, i) => writePair(view, 10 + 8 * i, flow));
      break;
    case 'verdict':
      view.setUint16(8, body.flows.length);
      body.flows.forEach((flow, i) => {
        writePair(view, 10 + 10 * i, flow);
        view.setUint16(18 + 10 * i, flow.status);
      });
      break;
  }
  return bytes;
}

/** The PDU in `bytes`, or `null` when they are not exactly one. Never throws; nothing in it refers to `bytes`. */
export function decodeFaPdu(bytes: Uint8Array): FaPdu | null {
  if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC || bytes[1] !== FA_VERSION) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const body = decodeBody(bytes, view);
  return body === null ? null : { epoch: view.getUint32(4), ...body };
}

function decodeBody(bytes: Uint8Array, view: DataView): FaBody | null {
  const length = bytes.length;
  if (bytes[2] !== TYPE.alive && bytes[3] !== 0) return null;
  switch (bytes[2]) {
    case TYPE.request:
      return readRequest(bytes, view);
    case TYPE.answer:
      return readAnswer(bytes, view);
    case TYPE.cancel:
      return length === 28 ? { t: 'cancel', id: readId(bytes), sEid: view.getUint32(24) } : null;
    case TYPE.confirm:
      return length === 16 ? { t: 'confirm', ...readPair(view, HEADER_BYTES) } : null;
    case TYPE.down:
      return length === 18 ? { t: 'down', ...readPair(view, HEADER_BYTES), errno: view.getUint16(16) } : null;
    case TYPE.alive:
      return readAlive(bytes, view);
    case TYPE.probe:
      return readProbe(view);
    case TYPE.verdict:
      return readVerdict(view);
    default:
      return null;
  }
}

function lengthOf(body: FaBody, nameBytes: number): number {
  switch (body.t) {
    case 'request':
      return REQUEST_BYTES + nameBytes + body.data.length;
    case 'answer':
      return ANSWER_BYTES + body.data.length;
    case 'cancel':
      return 28;
    case 'confirm':
      return 16;
    case 'down':
      return 18;
    case 'alive':
      return HEADER_BYTES + 4 * DIGEST_BUCKETS;
    case 'probe':
      return 10 + 8 * body.flows.length;
    case 'verdict':
      return 10 + 10 * body.flows.length;
  }
}

function writeRequest(bytes: Uint8Array, view: DataView, body: RequestBody, name: Uint8Array): void {
  writeId(bytes, body.id);
  view.setUint32(24, body.sEid);
  view.setUint32(28, body.timeoutMs);
  const { qos } = body;
  view.setUint32(32, qos.delay);
  view.setUint32(36, Math.floor(qos.bandwidth / 0x1_0000_0000));
  view.setUint32(40, qos.bandwidth % 0x1_0000_0000);
  view.setUint32(44, qos.loss);
  view.setUint32(48, qos.ber);
  view.setUint32(52, qos.maxGap);
  view.setUint32(56, qos.timeout);
  bytes[60] = qos.availability;
  bytes[61] = qos.inOrder;
  view.setUint16(62, name.length);
  view.setUint16(64, body.data.length);
  bytes.set(name, REQUEST_BYTES);
  bytes.set(body.data, REQUEST_BYTES + name.length);
}

function readRequest(bytes: Uint8Array, view: DataView): FaBody | null {
  if (bytes.length < REQUEST_BYTES) return null;
  const nameBytes = view.getUint16(62);
  const dataBytes = view.getUint16(64);
  if (bytes.length !== REQUEST_BYTES + nameBytes + dataBytes) return null;
  if (dataBytes > LIMITS.piggybackMaxBytes || nameBytes > LIMITS.nameMaxBytes) return null;
  const name = decodeName(bytes.subarray(REQUEST_BYTES, REQUEST_BYTES + nameBytes));
  const qos = parseQos({
    delay: view.getUint32(32),
    bandwidth: view.getUint32(36) * 0x1_0000_0000 + view.getUint32(40),
    loss: view.getUint32(44),
    ber: view.getUint32(48),
    maxGap: view.getUint32(52),
    timeout: view.getUint32(56),
    availability: bytes[60],
    inOrder: bytes[61],
  });
  if (name === null || qos === null) return null;
  return {
    t: 'request',
    id: readId(bytes),
    sEid: view.getUint32(24),
    timeoutMs: view.getUint32(28),
    qos,
    name,
    data: bytes.slice(REQUEST_BYTES + nameBytes),
  };
}

function writeAnswer(bytes: Uint8Array, view: DataView, body: AnswerBody): void {
  writeId(bytes, body.id);
  writePair(view, 24, body);
  view.setUint16(32, body.errno);
  view.setUint16(34, body.data.length);
  bytes.set(body.data, ANSWER_BYTES);
}

function readAnswer(bytes: Uint8Array, view: DataView): FaBody | null {
  if (bytes.length < ANSWER_BYTES) return null;
  const dataBytes = view.getUint16(34);
  if (bytes.length !== ANSWER_BYTES + dataBytes || dataBytes > LIMITS.piggybackMaxBytes) return null;
  return {
    t: 'answer',
    id: readId(bytes),
    ...readPair(view, 24),
    errno: view.getUint16(32),
    data: bytes.slice(ANSWER_BYTES),
  };
}

function readAlive(bytes: Uint8Array, view: DataView): FaBody | null {
  if (bytes.length !== HEADER_BYTES + 4 * DIGEST_BUCKETS || bytes[3]! > 1) return null;
  const digests = new Uint32Array(DIGEST_BUCKETS);
  for (let i = 0; i < DIGEST_BUCKETS; i += 1) digests[i] = view.getUint32(HEADER_BYTES + 4 * i);
  return { t: 'alive', solicit: bytes[3] === 1, digests };
}

function readProbe(view: DataView): FaBody | null {
  const count = flowCount(view, 8);
  if (count === null) return null;
  const flows: EidPair[] = [];
  for (let i = 0; i < count; i += 1) flows.push(readPair(view, 10 + 8 * i));
  return { t: 'probe', flows };
}

function readVerdict(view: DataView): FaBody | null {
  const count = flowCount(view, 10);
  if (count === null) return null;
  const flows: FlowVerdict[] = [];
  for (let i = 0; i < count; i += 1) {
    flows.push({ ...readPair(view, 10 + 10 * i), status: view.getUint16(18 + 10 * i) });
  }
  return { t: 'verdict', flows };
}

function flowCount(view: DataView, entryBytes: number): number | null {
  if (view.byteLength < 10) return null;
  const count = view.getUint16(8);
  return count <= PROBE_FLOWS_MAX && view.byteLength === 10 + entryBytes * count ? count : null;
}

function writeId(bytes: Uint8Array, id: string): void {
  for (let i = 0; i < ID_BYTES; i += 1) bytes[HEADER_BYTES + i] = id.charCodeAt(i);
}

function readId(bytes: Uint8Array): string {
  let id = '';
  for (let i = 0; i < ID_BYTES; i += 1) id += String.fromCharCode(bytes[HEADER_BYTES + i]!);
  return id;
}

function writePair(view: DataView, at: number, pair: EidPair): void {
  view.setUint32(at, pair.sEid);
  view.setUint32(at + 4, pair.rEid);
}

function readPair(view: DataView, at: number): EidPair {
  return { sEid: view.getUint32(at), rEid: view.getUint32(at + 4) };
}

import type { ConfigValues } from './config-values.ts';
import { parseConfigValues } from './config-values.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import { toErrorCode } from './errors.ts';
import type { ChannelId } from './ids.ts';
import { LIMITS } from './limits.ts';
import type { QosSpec } from './qos.ts';
import { parseQos, QOS_CUBES } from './qos.ts';

/** What a registered process is to the IRMd. */
export type ProcessKind = 'app' | 'ipcp' | 'tool';
/** How two processes can exchange packets. */
export type ChannelKind = 'shm' | 'unix';
/** How a name's requests are spread over the processes that accept. */
export type LoadBalancePolicy = 'round-robin' | 'spillover' | 'least-flows';

/** How one end opens its side of a channel; only a channel's first message carries it. */
export interface ChannelSpec {
  readonly id: ChannelId;
  readonly kind: ChannelKind;
  /** The two ends differ only in which ring they write; with `unix`, side `a` listens. */
  readonly side: 'a' | 'b';
  /** Prefix of the channel's files: `.ring`, `.a`, `.b` (shm) or `.sock` (unix). Absolute. */
  readonly path: string;
  /** Bytes of one ring, a power of two (shm only). */
  readonly ringBytes: number;
  /** Random secret both ends were told, hex; proves a connection on the unix kind. */
  readonly token: string;
}

/** Delta-t bounds and packet size of the path, agreed at allocation. */
export interface PathParams {
  /** Longest life of a packet in the path, ms. */
  readonly mplMs: number;
  /** Longest delay of an acknowledgement, ms. */
  readonly aMs: number;
  /** First send to last retransmission, ms. */
  readonly rMs: number;
  /** Largest packet the path carries, bytes. */
  readonly mtuBytes: number;
  /** The format of FRCP on it: that of the O7s C prototype. Default: ours. */
  readonly wire?: 'o7s';
  /** How reliable flows find what the path carries. Default `none`: the reader's window alone bounds them. */
  readonly congestion?: 'none' | 'cubic';
}

/** Bits of the fifth number of packed params, which is left out when it is 0. */
const PATH_FLAG = { cubic: 1, o7s: 2 };

/** Who is at the other end, as the kernel attested it to the IRMd (0 and '' when the peer is on another host). */
export interface PeerInfo {
  readonly pid: number;
  readonly uid: number;
  readonly program: string;
}

/** Field kinds of the control messages and the type each decodes to. */
export interface FieldTypes {
  u32: number;
  u32s: readonly number[];
  bool: boolean;
  text: string;
  texts: readonly string[];
  name: string;
  bytes: Uint8Array;
  qos: QosSpec;
  errorCode: ErrorCode;
  details: ErrorDetails;
  channel: ChannelSpec;
  params: PathParams;
  peer: PeerInfo;
  processKind: ProcessKind;
  channelKinds: readonly ChannelKind[];
  policy: LoadBalancePolicy;
  config: ConfigValues;
  /** Any msgpack value; its reader validates it. */
  value: unknown;
}

export type FieldKind = keyof FieldTypes;

/** Text that names something: 1 to `nameMaxBytes` bytes of UTF-8 without control characters. */
export function isName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    !/[\u0000-\u001f\u007f]/.test(value) &&
    utf8Length(value) <= LIMITS.nameMaxBytes
  );
}

/** Per kind: the value we build from what arrived, or `undefined` when it has not that shape. Total. */
export const FIELD_PARSERS: { readonly [K in FieldKind]: (value: unknown) => FieldTypes[K] | undefined } = {
  u32: (v) => (isU32(v) ? v : undefined),
  u32s: (v) => (Array.isArray(v) && v.length <= 4_096 && v.every(isU32) ? v.slice() : undefined),
  bool: (v) => (typeof v === 'boolean' ? v : undefined),
  text: (v) => (isText(v) ? v : undefined),
  texts: (v) => (Array.isArray(v) && v.length <= 256 && v.every(isText) ? v.slice() : undefined),
  name: (v) => (isName(v) ? v : undefined),
  bytes: (v) => (ArrayBuffer.isView(v) && isByteView(v) ? v : undefined),
  qos: parseQosFields,
  errorCode: (v) => (typeof v === 'string' ? toErrorCode(v) : undefined),
  details: parseDetails,
  channel: parseChannel,
  params: parseParams,
  peer: parsePeer,
  processKind: (v) => oneOf(v, ['app', 'ipcp', 'tool']),
  channelKinds: (v) =>
    Array.isArray(v) && v.length <= 2 && v.every((k) => k === 'shm' || k === 'unix')
      ? (v.slice() as ChannelKind[])
      : undefined,
  policy: (v) => oneOf(v, ['round-robin', 'spillover', 'least-flows']),
  config: parseConfigValues,
  value: (v) => v,
};

/**
 * What travels for a value: params and peer go as arrays of their fields, a QoS too, or, for one of the cubes, as its
 * number in their table.
 */
export function packField(kind: FieldKind, value: unknown): unknown {
  if (kind === 'qos') {
    const q = value as QosSpec;
    const cube = QOS_CUBES.indexOf(q);
    if (cube >= 0) return cube;
    return [q.delay, q.bandwidth, q.availability, q.loss, q.ber, q.inOrder, q.maxGap, q.timeout];
  }
  if (kind === 'params') {
    const p = value as PathParams;
    const flags = (p.congestion === 'cubic' ? PATH_FLAG.cubic : 0) | (p.wire === 'o7s' ? PATH_FLAG.o7s : 0);
    return [p.mplMs, p.aMs, p.rMs, p.mtuBytes, ...(flags === 0 ? [] : [flags])];
  }
  if (kind === 'peer') {
    const p = value as PeerInfo;
    return [p.pid, p.uid, p.program];
  }
  return value;
}

function parseQosFields(v: unknown): QosSpec | undefined {
  if (typeof v === 'number') return QOS_CUBES[v];
  if (!Array.isArray(v) || v.length !== 8) return undefined;
  const [delay, bandwidth, availability, loss, ber, inOrder, maxGap, timeout] = v as unknown[];
  return parseQos({ delay, bandwidth, availability, loss, ber, inOrder, maxGap, timeout }) ?? undefined;
}

function parseParams(v: unknown): PathParams | undefined {
  if (!Array.isArray(v) || v.length < 4 || v.length > 5 || !v.every(isU32)) return undefined;
  const [mplMs, aMs, rMs, mtuBytes, flags = 0] = v as [number, number, number, number, number?];
  return {
    mplMs,
    aMs,
    rMs,
    mtuBytes,
    ...((flags & PATH_FLAG.o7s) !== 0 && { wire: 'o7s' as const }),
    ...((flags & PATH_FLAG.cubic) !== 0 && { congestion: 'cubic' as const }),
  };
}

function parsePeer(v: unknown): PeerInfo | undefined {
  if (!Array.isArray(v) || v.length !== 3) return undefined;
  const [pid, uid, program] = v as unknown[];
  return isU32(pid) && isU32(uid) && isText(program) ? { pid, uid, program } : undefined;
}

function parseChannel(v: unknown): ChannelSpec | undefined {
  if (typeof v !== 'object' || v === null) return undefined;
  const { id, kind, side, path, ringBytes, token } = v as Record<string, unknown>;
  if (!isU32(id) || (kind !== 'shm' && kind !== 'unix') || (side !== 'a' && side !== 'b')) return undefined;
  if (!isText(path) || !path.startsWith('/') || !isText(token) || !isU32(ringBytes)) return undefined;
  return { id, kind, side, path, ringBytes, token };
}

function parseDetails(v: unknown): ErrorDetails | undefined {
  if (typeof v !== 'object' || v === null || Array.isArray(v)) return undefined;
  const out: Record<string, string | number | boolean | null> = {};
  for (const [key, value] of Object.entries(v).slice(0, 32)) {
    if (value === null || typeof value === 'number' || typeof value === 'boolean' || isText(value)) {
      out[key] = value as string | number | boolean | null;
    }
  }
  return out;
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((one) => one === value);
}

function isU32(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 0xffff_ffff && Number.isInteger(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 4_096;
}

function isByteView(view: ArrayBufferView): view is Uint8Array {
  return (
    view.byteLength <= LIMITS.piggybackMaxBytes &&
    Object.prototype.toString.call(view) === '[object Uint8Array]'
  );
}

function utf8Length(text: string): number {
  return text.length > LIMITS.nameMaxBytes ? text.length : new TextEncoder().encode(text).length;
}

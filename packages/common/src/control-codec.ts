import { Packr } from 'msgpackr';
import type { ControlMessage } from './control-messages.ts';
import { CONTROL_MESSAGES } from './control-messages.ts';
import type { FieldKind } from './control-values.ts';
import { FIELD_PARSERS, packField } from './control-values.ts';
import { LIMITS } from './limits.ts';

/** Stateless msgpack: no shared records, no structured clone, so any msgpack speaker can read a frame. */
const packr = new Packr({ useRecords: false, moreTypes: false });

/** The bytes of a message. The message is ours, so it is trusted to have its shape. */
export function encodeControl(message: ControlMessage): Buffer {
  const source = message as unknown as Record<string, unknown>;
  const out: Record<string, unknown> = { t: message.t };
  for (const field of PLANS.get(message.t)!) {
    const value = source[field.name];
    if (value !== undefined) out[field.name] = field.packed ? packField(field.kind, value) : value;
  }
  return packr.pack(out);
}

/**
 * The message in a frame, rebuilt field by field, or `null` for anything that is not one: too long, not msgpack,
 * an unknown type, a missing field, a value out of range. Never throws; unknown extra fields are dropped.
 * `maxBytes` is raised only for replies of the daemon, which its clients trust (`controlReplyMaxBytes`).
 */
export function decodeControl(
  frame: Uint8Array,
  maxBytes: number = LIMITS.controlFrameMaxBytes,
): ControlMessage | null {
  const raw = unpackValue(frame, maxBytes);
  if (typeof raw !== 'object' || raw === null) return null;
  const source = raw as Record<string, unknown>;
  const type = source['t'];
  const plan = typeof type === 'string' ? PLANS.get(type) : undefined;
  if (plan === undefined) return null;
  const message: Record<string, unknown> = { t: type };
  for (const field of plan) {
    const value = source[field.name];
    if (value === undefined || value === null) {
      if (!field.optional) return null;
      continue;
    }
    const parsed = field.parse(value);
    if (parsed === undefined) return null;
    message[field.name] = parsed;
  }
  return message as unknown as ControlMessage;
}

/** What can be told of a frame that may be of another protocol version, or malformed. */
export interface ControlPeek {
  readonly type?: string;
  readonly req?: number;
  readonly version?: number;
}

/** Type, correlation id and version of a frame, each if it is there. Total; looks at no other field. */
export function peekControl(frame: Uint8Array): ControlPeek {
  const raw = unpackValue(frame, LIMITS.controlFrameMaxBytes);
  if (typeof raw !== 'object' || raw === null) return {};
  const { t, req, version } = raw as Record<string, unknown>;
  return {
    ...(typeof t === 'string' ? { type: t } : {}),
    ...(typeof req === 'number' && FIELD_PARSERS.u32(req) !== undefined ? { req } : {}),
    ...(typeof version === 'number' ? { version } : {}),
  };
}

/** A plain value (an event) as msgpack. */
export function packValue(value: unknown): Buffer {
  return packr.pack(value);
}

/** The value of a frame, or `undefined` when it is empty, too long or not msgpack. Never throws. */
export function unpackValue(frame: Uint8Array, maxBytes: number): unknown {
  if (frame.length === 0 || frame.length > maxBytes) return undefined;
  try {
    return packr.unpack(frame) as unknown;
  } catch {
    return undefined;
  }
}

interface FieldPlan {
  readonly name: string;
  readonly kind: FieldKind;
  readonly parse: (value: unknown) => unknown;
  readonly optional: boolean;
  readonly packed: boolean;
}

const PLANS: ReadonlyMap<string, readonly FieldPlan[]> = new Map(
  Object.entries(CONTROL_MESSAGES).map(([type, fields]) => [type, Object.entries(fields).map(planOf)]),
);

function planOf([name, spelled]: [string, string]): FieldPlan {
  const optional = spelled.endsWith('?');
  const kind = (optional ? spelled.slice(0, -1) : spelled) as FieldKind;
  const parse: (value: unknown) => unknown = FIELD_PARSERS[kind];
  return { name, kind, parse, optional, packed: kind === 'qos' || kind === 'params' || kind === 'peer' };
}

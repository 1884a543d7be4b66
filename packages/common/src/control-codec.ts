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
  for (const field of PLANS[message.t]!) {
    const value = source[field.name];
    if (value !== undefined) out[field.name] = field.packed ? packField(field.kind, value) : value;
  }
  return packr.pack(out);
}

/**
 * The message in a frame, rebuilt field by field, or `null` for anything that is not one: too long, not msgpack,
 * an unknown type, a missing field, a value out of range. Never throws; unknown extra fields are dropped.
 */
export function decodeControl(frame: Uint8Array): ControlMessage | null {
  if (frame.length === 0 || frame.length > LIMITS.controlFrameMaxBytes) return null;
  let raw: unknown;
  try {
    raw = packr.unpack(frame);
  } catch {
    return null;
  }
  if (typeof raw !== 'object' || raw === null) return null;
  const source = raw as Record<string, unknown>;
  const type = source['t'];
  if (typeof type !== 'string' || !Object.hasOwn(PLANS, type)) return null;
  const message: Record<string, unknown> = { t: type };
  for (const field of PLANS[type]!) {
    const value = source[field.name];
    if (value === undefined || value === null) {
      if (!field.optional) return null;
      continue;
    }
    const parsed = FIELD_PARSERS[field.kind](value);
    if (parsed === undefined) return null;
    message[field.name] = parsed;
  }
  return message as unknown as ControlMessage;
}

interface FieldPlan {
  readonly name: string;
  readonly kind: FieldKind;
  readonly optional: boolean;
  readonly packed: boolean;
}

const PLANS: Readonly<Record<string, readonly FieldPlan[]>> = Object.fromEntries(
  Object.entries(CONTROL_MESSAGES).map(([type, fields]) => [type, Object.entries(fields).map(planOf)]),
);

function planOf([name, spelled]: [string, string]): FieldPlan {
  const optional = spelled.endsWith('?');
  const kind = (optional ? spelled.slice(0, -1) : spelled) as FieldKind;
  return { name, kind, optional, packed: kind === 'qos' || kind === 'params' || kind === 'peer' };
}

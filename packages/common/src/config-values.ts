import { LIMITS } from './limits.ts';

/** What a configuration may hold: texts, finite numbers, truth values, and lists and tables of them. */
export type ConfigValue = string | number | boolean | readonly ConfigValue[] | ConfigValues;

/** A layer's configuration, as it travels to its IPCP; read it with a `ConfigTable`. */
export interface ConfigValues {
  readonly [key: string]: ConfigValue;
}

/** Tables and lists within each other. */
const DEPTH_MAX = 8;
/** Bytes that an entry takes beside its texts, at most. */
const ENTRY_BYTES = 9;

/**
 * The configuration in `value`, rebuilt, or `undefined` when it is no table, holds anything else (dates, null), is
 * nested deeper than 8, or has more than `configMaxBytes`. Total.
 */
export function parseConfigValues(value: unknown): ConfigValues | undefined {
  const budget = { bytesLeft: LIMITS.configMaxBytes };
  return isTable(value) ? copyTable(value, DEPTH_MAX, budget) : undefined;
}

interface Budget {
  bytesLeft: number;
}

function copyTable(
  table: Readonly<Record<string, unknown>>,
  depth: number,
  budget: Budget,
): ConfigValues | undefined {
  const out: Record<string, ConfigValue> = {};
  for (const [key, value] of Object.entries(table)) {
    if (key === '__proto__' || !spend(budget, key)) return undefined;
    const copied = copyValue(value, depth - 1, budget);
    if (copied === undefined) return undefined;
    out[key] = copied;
  }
  return out;
}

function copyValue(value: unknown, depth: number, budget: Budget): ConfigValue | undefined {
  if (typeof value === 'string') return spend(budget, value) ? value : undefined;
  if (!spend(budget, '')) return undefined;
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  if (depth <= 0) return undefined;
  if (isTable(value)) return copyTable(value, depth, budget);
  if (!Array.isArray(value)) return undefined;
  const out: ConfigValue[] = [];
  for (const one of value as readonly unknown[]) {
    const copied = copyValue(one, depth - 1, budget);
    if (copied === undefined) return undefined;
    out.push(copied);
  }
  return out;
}

function spend(budget: Budget, text: string): boolean {
  budget.bytesLeft -= ENTRY_BYTES + text.length;
  if (budget.bytesLeft >= 0) budget.bytesLeft -= utf8.encode(text).length - text.length;
  return budget.bytesLeft >= 0;
}

/** Whether it holds values by key: an object that is no list. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const utf8 = new TextEncoder();

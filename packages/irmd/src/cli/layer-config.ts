import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import type { ConfigValues } from '@flowring/common';
import { FlowringError, isTable, parseConfigValues } from '@flowring/common';

type Table = Readonly<Record<string, unknown>>;

/**
 * What an IPCP is bootstrapped with: a TOML file's keys, then the `key=value` pairs, which win. A dotted key names a
 * table's; a value that is not TOML is a text. Throws `FLOWRING_CONFIG`, which names the file or the pair.
 */
export function readLayerConfig(file: string | undefined, pairs: readonly string[]): ConfigValues {
  let config = file === undefined ? {} : readTable(file);
  for (const pair of pairs) {
    const merged = parseConfigValues(merge(config, pairTable(pair)));
    if (merged === undefined)
      throw configError(`--set ${pair}`, 'makes the configuration too large or too deep');
    config = merged;
  }
  return config;
}

/** For an option that may be repeated, as commander collects it. */
export function collectPair(pair: string, before: readonly string[]): readonly string[] {
  return [...before, pair];
}

function readTable(file: string): ConfigValues {
  let table: Table;
  try {
    table = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw configError(file, (cause as Error).message, cause);
  }
  for (const [key, value] of Object.entries(table)) {
    if (parseConfigValues({ [key]: value }) === undefined)
      throw configError(file, `${key} ${BAD_VALUE}`, undefined, key);
  }
  const config = parseConfigValues(table);
  if (config === undefined) throw configError(file, 'is too large');
  return config;
}

function pairTable(pair: string): Table {
  const at = pair.indexOf('=');
  const key = pair.slice(0, at).trim();
  const value = pair.slice(at + 1);
  if (at > 0) {
    for (const toml of [value, JSON.stringify(value)]) {
      const table = tryParse(`${key} = ${toml}`);
      if (table !== null && parseConfigValues(table) !== undefined) return table;
    }
  }
  throw configError(`--set ${pair}`, 'is not key=value');
}

function tryParse(toml: string): Table | null {
  try {
    return parse(toml);
  } catch {
    return null;
  }
}

function merge(below: Table, above: Table): Table {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = Object.hasOwn(below, key) ? below[key] : undefined;
    merged[key] = isTable(old) && isTable(value) ? merge(old, value) : value;
  }
  return merged;
}

function configError(file: string, what: string, cause?: unknown, key?: string): FlowringError {
  const details = { file, ...(key === undefined ? {} : { key }) };
  return new FlowringError('FLOWRING_CONFIG', { message: `${file}: ${what}`, details, cause });
}

const BAD_VALUE = 'has a value that is no text, number, true, false, list or table, or is too large';

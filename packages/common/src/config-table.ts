import type { ConfigValues } from './config-values.ts';
import { parseConfigValues } from './config-values.ts';
import { isName } from './control-values.ts';
import { FlowringError } from './errors.ts';

/**
 * A table of a configuration at its place in the whole (`names.oecho`). Readers throw `FLOWRING_CONFIG`, whose details
 * name that place and the key: `{ file, key: 'names.oecho.policy' }`. Read what is known, then call `noMore`.
 */
export class ConfigTable {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #file: string;
  readonly #read = new Set<string>();

  constructor(value: unknown, path = '', file = 'the configuration') {
    this.#path = path;
    this.#file = file;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.error('', 'is not a table');
    this.#values = value as Readonly<Record<string, unknown>>;
  }

  has(key: string): boolean {
    this.#read.add(key);
    return this.#values[key] !== undefined;
  }

  keys(): readonly string[] {
    return Object.keys(this.#values);
  }

  table(key: string): ConfigTable {
    return new ConfigTable(this.has(key) ? this.#values[key] : {}, this.#at(key), this.#file);
  }

  /** An array of tables, empty when absent. */
  tables(key: string): readonly ConfigTable[] {
    if (!this.has(key)) return [];
    const value = this.#values[key];
    if (!Array.isArray(value)) throw this.error(key, 'is not an array of tables');
    return value.map((one, at) => new ConfigTable(one, `${this.#at(key)}[${at}]`, this.#file));
  }

  text(key: string, otherwise: string): string {
    if (!this.has(key)) return otherwise;
    const value = this.#values[key];
    if (typeof value !== 'string' || value === '') throw this.error(key, 'is not a text');
    return value;
  }

  name(key: string, otherwise: string): string {
    const value = this.text(key, otherwise);
    if (!isName(value)) throw this.error(key, 'is not a name');
    return value;
  }

  /** A key that must be a name. */
  nameKey(key: string): string {
    if (!isName(key)) throw this.error(key, 'is not a name');
    return key;
  }

  texts(key: string): readonly string[] {
    if (!this.has(key)) return [];
    const value = this.#values[key];
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
    throw this.error(key, 'is not an array of texts');
  }

  flag(key: string): boolean {
    if (!this.has(key)) return false;
    const value = this.#values[key];
    if (typeof value !== 'boolean') throw this.error(key, 'is not true or false');
    return value;
  }

  oneOf<T extends string>(key: string, allowed: readonly T[], otherwise: T): T {
    const value = this.text(key, otherwise);
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw this.error(key, `is none of ${allowed.join(', ')}`);
    return found;
  }

  /** A time in ms, 1 to 2^31 - 1, or `undefined`. */
  ms(key: string): number | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#values[key];
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 0x7fff_ffff)
      return value;
    throw this.error(key, 'is not a time in ms');
  }

  /** A whole number from `min` to `max`. */
  integer(key: string, min: number, max: number, otherwise: number): number {
    if (!this.has(key)) return otherwise;
    const value = this.#values[key];
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw this.error(key, `is not a whole number from ${min} to ${max}`);
  }

  /** What nobody has read so far, as it may travel; it counts as read. */
  rest(): ConfigValues {
    const rest: Record<string, unknown> = {};
    for (const key of this.keys()) {
      if (this.#read.has(key)) continue;
      const value = this.#values[key];
      if (parseConfigValues({ [key]: value }) === undefined) throw this.error(key, 'cannot be configured');
      rest[key] = value;
      this.#read.add(key);
    }
    const values = parseConfigValues(rest);
    if (values === undefined) throw this.error('', 'is too large');
    return values;
  }

  /** Refuses keys that nobody asked for: a misspelt key must not be ignored. */
  noMore(): void {
    for (const key of this.keys()) {
      if (!this.#read.has(key))
        throw this.error(key, `is unknown; known: ${[...this.#read].join(', ') || 'none'}`);
    }
  }

  error(key: string, what: string): FlowringError {
    const at = key === '' ? this.#path : this.#at(key);
    return new FlowringError('FLOWRING_CONFIG', {
      message: `${this.#file}: ${at === '' ? 'it' : at} ${what}`,
      details: { file: this.#file, key: at },
    });
  }

  #at(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }
}

import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import type { ConfigValues, LoadBalancePolicy } from '@flowring/common';
import { ConfigTable, FlowringError, isName } from '@flowring/common';
import type { ManagementRequest } from '@flowring/control';
import type { MetricsAddress } from './metrics-server.ts';
import type { IrmSettings } from '../core/settings.ts';
import { DEFAULT_SETTINGS } from '../core/settings.ts';

/** What a configuration file asks for. */
export interface IrmConfig {
  readonly ipcps: readonly ConfiguredIpcp[];
  readonly names: readonly ConfiguredName[];
  readonly settings: Partial<IrmSettings>;
  /** Where the counters are served over HTTP; `null`: nowhere. */
  readonly metrics: MetricsAddress | null;
}

export interface ConfiguredIpcp {
  readonly ipcp: string;
  readonly type: string;
  readonly layer: string;
  /** What its layer type is told; that type knows the keys. */
  readonly config: ConfigValues;
  /** Its table in the file: `layers.home`. */
  readonly at: string;
}

export interface ConfiguredName {
  readonly name: string;
  readonly policy: LoadBalancePolicy;
  /** Layers it is registered in. */
  readonly register: readonly string[];
  readonly programs: readonly {
    readonly program: string;
    readonly auto: boolean;
    readonly args: readonly string[];
  }[];
}

/** Reads a configuration file. Throws `FLOWRING_CONFIG`, which names the file and the key. */
export function readConfig(file: string): IrmConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `${file}: cannot be read: ${(cause as Error).message}`;
    throw new FlowringError('FLOWRING_CONFIG', { message, details: { file }, cause });
  }
  return parseConfig(text, file);
}

/** The configuration in a TOML text; docs/spec/irmd-states.md has an example. Throws `FLOWRING_CONFIG`. */
export function parseConfig(
  text: string,
  file = 'the configuration',
  ipcpTypes: readonly string[] = DEFAULT_SETTINGS.ipcpTypes,
): IrmConfig {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (cause) {
    const message = `${file}: not TOML: ${(cause as Error).message}`;
    throw new FlowringError('FLOWRING_CONFIG', { message, details: { file }, cause });
  }
  const root = new ConfigTable(raw, '', file);
  const ipcps = [
    ...readLayers(root.table('layers'), ipcpTypes),
    ...readIpcps(root.table('ipcps'), ipcpTypes),
  ];
  for (const [at, { ipcp, at: place }] of ipcps.entries()) {
    if (ipcps.findIndex((one) => one.ipcp === ipcp) < at) throw root.error(place, `is a second IPCP ${ipcp}`);
  }
  const names = readNames(root.table('names'), new Set(ipcps.map(({ layer }) => layer)));
  const settings = readSettings(root.table('daemon'));
  const metrics = readMetrics(root.table('metrics'));
  root.noMore();
  return { ipcps, names, settings, metrics };
}

/** The requests that bring a configuration about, in order. */
export function requestsOf(config: IrmConfig): readonly ManagementRequest[] {
  const ipcps = config.ipcps.flatMap(({ layer, type, ipcp, config: own }): ManagementRequest[] => [
    { t: 'ipcp-create', ipcp, type },
    { t: 'ipcp-configure', ipcp, layer, ...(Object.keys(own).length === 0 ? {} : { config: own }) },
  ]);
  const names = config.names.flatMap(({ name, policy, register, programs }): ManagementRequest[] => [
    { t: 'name-create', name, policy },
    ...programs.map((program) => ({ t: 'bind-program', name, ...program }) as const),
    ...register.map((layer) => ({ t: 'name-register', name, layer }) as const),
  ]);
  return [...ipcps, ...names];
}

/** A layer with one IPCP here, which has its name unless it says another. */
function readLayers(table: ConfigTable, types: readonly string[]): readonly ConfiguredIpcp[] {
  return table.keys().map((layer) => {
    if (!isName(layer)) throw table.error(layer, 'is not a name');
    const own = table.table(layer);
    return readIpcp(own, types, { ipcp: own.name('ipcp', layer), layer, at: `layers.${layer}` });
  });
}

/** IPCPs by their own names: for several in one layer. */
function readIpcps(table: ConfigTable, types: readonly string[]): readonly ConfiguredIpcp[] {
  return table.keys().map((ipcp) => {
    if (!isName(ipcp)) throw table.error(ipcp, 'is not a name');
    const own = table.table(ipcp);
    return readIpcp(own, types, { ipcp, layer: own.name('layer', ''), at: `ipcps.${ipcp}` });
  });
}

function readIpcp(
  own: ConfigTable,
  types: readonly string[],
  is: Pick<ConfiguredIpcp, 'ipcp' | 'layer' | 'at'>,
): ConfiguredIpcp {
  const type = own.oneOf('type', types, 'local');
  if (type === 'local') own.noMore();
  return { ...is, type, config: own.rest() };
}

function readNames(table: ConfigTable, layers: ReadonlySet<string>): readonly ConfiguredName[] {
  return table.keys().map((name) => {
    if (!isName(name)) throw table.error(name, 'is not a name');
    const own = table.table(name);
    const register = own.texts('register');
    for (const layer of register) {
      if (!layers.has(layer)) throw own.error('register', `has a layer that is not configured: ${layer}`);
    }
    const policy = own.oneOf('policy', ['round-robin', 'spillover', 'least-flows'] as const, 'round-robin');
    const programs = own.tables('programs').map(readProgram);
    own.noMore();
    return { name, policy, register, programs };
  });
}

function readProgram(table: ConfigTable): ConfiguredName['programs'][number] {
  const program = table.text('program', '');
  if (!program.startsWith('/')) throw table.error('program', 'is not an absolute path');
  const found = { program, auto: table.flag('auto'), args: table.texts('args') };
  table.noMore();
  return found;
}

/** `listen = "127.0.0.1:9464"`, or `"[::1]:9464"`. */
function readMetrics(table: ConfigTable): MetricsAddress | null {
  const listens = table.has('listen');
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(table.text('listen', '-'));
  table.noMore();
  if (!listens) return null;
  const [, v6, host, port] = parts ?? [];
  if (parts === null || Number(port) > 65_535) throw table.error('listen', 'is not host:port');
  return { host: (v6 ?? host)!, port: Number(port) };
}

function readSettings(table: ConfigTable): Partial<IrmSettings> {
  const found: Partial<Record<(typeof TIME_KEYS)[number], number>> = {};
  for (const key of TIME_KEYS) {
    const ms = table.ms(key);
    if (ms !== undefined) found[key] = ms;
  }
  table.noMore();
  return found;
}

const TIME_KEYS = [
  'acceptorGraceMs',
  'programStartMs',
  'ipcpStartMs',
  'ipcpRequestMs',
  'ipcpQueryMs',
  'backoffMinMs',
  'backoffMaxMs',
  'stableMs',
] as const;

import type { ConfigTable } from '@flowring/common';
import type { PeerAddress } from '../../core/fa-flow.ts';

/** Ways to learn which IPCP of a layer has a name. */
export const DIRECTORY_POLICIES = ['static', 'query', 'nats'] as const;

export type DirectoryPolicy = (typeof DIRECTORY_POLICIES)[number];

/** What a layer's configuration says of its directory. */
export interface DirectoryConfig {
  readonly policy: DirectoryPolicy;
  /** Names whose IPCP is known beforehand; looked at first whatever the policy. */
  readonly names: ReadonlyMap<string, PeerAddress>;
  /** With `nats`, else `null`. */
  readonly nats: NatsConfig | null;
}

export interface NatsConfig {
  /** `host:port` of servers of one NATS cluster. Default `127.0.0.1:4222`. */
  readonly servers: readonly string[];
  /** File with the credentials; default none. */
  readonly credentials: string | null;
  /** After this a dead IPCP's names are gone, ms, 1,000 to 600,000. Default 10,000; renewed at a third. */
  readonly leaseMs: number;
  /** How others reach this IPCP, in the words of the layer; `null`: the layer knows. */
  readonly address: PeerAddress | null;
}

/**
 * Reads the keys `directory`, `names` and `nats`. `default`: without the key. `addressOf` turns an address of the
 * configuration into the layer's own words, or says `null`. Throws `FLOWRING_CONFIG`.
 */
export function readDirectoryConfig(
  table: ConfigTable,
  byDefault: DirectoryPolicy,
  addressOf: (text: string) => PeerAddress | null,
): DirectoryConfig {
  const policy = table.oneOf('directory', DIRECTORY_POLICIES, byDefault);
  const names = new Map<string, PeerAddress>();
  const given = table.table('names');
  for (const name of given.keys()) names.set(given.nameKey(name), readAddress(given, name, addressOf));
  return { policy, names, nats: policy === 'nats' ? readNats(table.table('nats'), addressOf) : null };
}

function readNats(table: ConfigTable, addressOf: (text: string) => PeerAddress | null): NatsConfig {
  const servers = table.texts('servers');
  const credentials = table.text('credentials', '-');
  const found = {
    servers: servers.length === 0 ? ['127.0.0.1:4222'] : servers,
    credentials: credentials === '-' ? null : credentials,
    leaseMs: table.integer('leaseMs', 1_000, 600_000, 10_000),
    address: table.has('address') ? readAddress(table, 'address', addressOf) : null,
  };
  table.noMore();
  return found;
}

function readAddress(
  table: ConfigTable,
  key: string,
  addressOf: (text: string) => PeerAddress | null,
): PeerAddress {
  const address = addressOf(table.text(key, ''));
  if (address === null) throw table.error(key, 'is not an address of this layer');
  return address;
}

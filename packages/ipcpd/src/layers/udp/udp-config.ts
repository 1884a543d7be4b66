import type { ConfigValues } from '@flowring/common';
import { ConfigTable } from '@flowring/common';
import type { DirectoryConfig } from '../directory/directory-config.ts';
import { readDirectoryConfig } from '../directory/directory-config.ts';

/** Configuration of a `udp` layer's IPCP. */
export interface UdpConfig {
  /** Local IP address, v4 or v6. Default `0.0.0.0`. */
  readonly host: string;
  /** UDP port. Default 3436. */
  readonly port: number;
  /** Other IPCPs of the layer, `address:port` or `[address]:port`: contacted at once, so that flows to them need one round trip. */
  readonly peers: readonly string[];
  /** How it is learned which IPCP has a name; keys `directory` (default `query`), `names`, `nats`. */
  readonly directory: DirectoryConfig;
  /** Longest life of a packet in the network, ms. Default 5,000 (O7s of a UDP layer). */
  readonly mplMs: number;
  /** Longest delay of an acknowledgement, ms. Default 50. */
  readonly aMs: number;
  /** First send of a packet to its last retransmission, ms. Default 30,000. */
  readonly rMs: number;
  /** Silence after which a peer is gone, for flows whose QoS says none of its own, ms. Default 3,000. */
  readonly timeoutMs: number;
  /** Largest UDP payload to try, bytes, 512 to 65,507. Default: what the interface of `host` carries. */
  readonly mtuMaxBytes: number | null;
}

export const UDP_PORT = 3_436;

/** A socket's address: an IP address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

const PEERS_MAX = 1_024;

/** The configuration in `values`, with its defaults. Throws `FLOWRING_CONFIG` and names the key. */
export function parseUdpConfig(values: ConfigValues): UdpConfig {
  const table = new ConfigTable(values);
  const host = table.text('host', '0.0.0.0');
  if (!/^[0-9a-fA-F:.]{2,45}(%[\w.-]{1,15})?$/.test(host)) throw table.error('host', 'is not an IP address');
  const peers = table.texts('peers').map((text) => endpointOf(text));
  if (peers.length > PEERS_MAX || peers.includes(null)) {
    throw table.error('peers', `is not a list of up to ${PEERS_MAX} address:port`);
  }
  const config: UdpConfig = {
    host,
    port: table.integer('port', 0, 65_535, UDP_PORT),
    peers: peers as string[],
    directory: readDirectoryConfig(table, 'query', endpointOf),
    mplMs: table.integer('mplMs', 1, 60_000, 5_000),
    aMs: table.integer('aMs', 1, 10_000, 50),
    rMs: table.integer('rMs', 1_000, 300_000, 30_000),
    timeoutMs: table.integer('timeoutMs', 100, 0xffff_ffff, 3_000),
    mtuMaxBytes: table.has('mtuMaxBytes') ? table.integer('mtuMaxBytes', 512, 65_507, 0) : null,
  };
  table.noMore();
  if (config.directory.nats?.address === null && isWildcard(host)) {
    throw table.error('nats.address', 'is missing: with this host the others cannot know where we are');
  }
  return config;
}

/** How the IPCP at this host and port is called by itself. */
export function selfEndpoint(host: string, port: number): string {
  const reachable = isWildcard(host) ? (host.includes(':') ? '::1' : '127.0.0.1') : host;
  return formatEndpoint({ address: reachable, port });
}

/** The endpoint in `text`, `address:port` or `[address]:port`; `null` when there is none. */
export function parseEndpoint(text: string): Endpoint | null {
  const parts = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  return host !== undefined && port > 0 && port <= 65_535 ? { address: host, port } : null;
}

export function formatEndpoint({ address: host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function endpointOf(text: string): string | null {
  const endpoint = parseEndpoint(text);
  return endpoint === null ? null : formatEndpoint(endpoint);
}

function isWildcard(host: string): boolean {
  return /^[0:.]*$/.test(host);
}

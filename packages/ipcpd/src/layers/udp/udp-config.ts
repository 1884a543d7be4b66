import { FlowringError, isName } from '@flowring/common';

/** Configuration of a `udp` layer's IPCP. */
export interface UdpConfig {
  /** Local IP address, v4 or v6. Default `0.0.0.0`. */
  readonly host: string;
  /** UDP port. Default 3436. */
  readonly port: number;
  /** Other IPCPs of the layer, `address:port` or `[address]:port`: contacted at once, so that flows to them need one round trip. */
  readonly peers: readonly string[];
  /** The static directory: which IPCP has a name, `address:port`. */
  readonly names: Readonly<Record<string, string>>;
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

/** The configuration in `value`, with its defaults. Throws `FLOWRING_CONFIG` and names the key. */
export function parseUdpConfig(value: unknown): UdpConfig {
  const given = value === undefined || value === null ? {} : value;
  if (!isRecord(given)) throw wrong('', 'is not a table');
  const table = new Map(Object.entries(given));
  const take = (key: string): unknown => {
    const found = table.get(key);
    table.delete(key);
    return found;
  };
  const config: UdpConfig = {
    host: address('host', take('host') ?? '0.0.0.0'),
    port: whole('port', take('port') ?? UDP_PORT, 0, 65_535),
    peers: endpoints('peers', take('peers') ?? []),
    names: names(take('names') ?? {}),
    mplMs: whole('mplMs', take('mplMs') ?? 5_000, 1, 60_000),
    aMs: whole('aMs', take('aMs') ?? 50, 1, 10_000),
    rMs: whole('rMs', take('rMs') ?? 30_000, 1_000, 300_000),
    timeoutMs: whole('timeoutMs', take('timeoutMs') ?? 3_000, 100, 0xffff_ffff),
    mtuMaxBytes: optional(take('mtuMaxBytes'), (given) => whole('mtuMaxBytes', given, 512, 65_507)),
  };
  for (const key of table.keys()) throw wrong(key, 'is not a key of a udp layer');
  return config;
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

function address(key: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-fA-F:.]{2,45}(%[\w.-]{1,15})?$/.test(value))
    throw wrong(key, 'is not an IP address');
  return value;
}

function endpoint(key: string, value: unknown): string {
  const found = typeof value === 'string' ? parseEndpoint(value) : null;
  if (found === null) throw wrong(key, 'is not an address:port');
  return formatEndpoint(found);
}

function endpoints(key: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length > 1_024) throw wrong(key, 'is not a list of address:port');
  return value.map((one) => endpoint(key, one));
}

function names(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) throw wrong('names', 'is not a table of name = "address:port"');
  const found: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, at] of Object.entries(value)) {
    if (!isName(name)) throw wrong('names', 'has a key that is not a name');
    found[name] = endpoint(`names.${name}`, at);
  }
  return found;
}

function whole(key: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw wrong(key, `is not a whole number from ${min} to ${max}`);
  return value;
}

function optional<T>(value: unknown, parse: (value: unknown) => T): T | null {
  return value === undefined || value === null ? null : parse(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(key: string, what: string): FlowringError {
  return new FlowringError('FLOWRING_CONFIG', {
    message: `udp layer: ${key === '' ? 'the configuration' : key} ${what}`,
    details: { key },
  });
}

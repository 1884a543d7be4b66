import { isIP } from 'node:net';
import type { ConfigTable } from '@flowring/common';
import { O7S_PORT } from '../../core/o7s/datagram.ts';
import type { O7sFamily } from '../../core/o7s/datagram.ts';

/** Configuration of an `o7s-udp` layer's IPCP. */
export interface O7sConfig {
  /** Where to bind: an IP literal; decides the family. Default `0.0.0.0`. */
  readonly host: string;
  /** UDP port, equal at all nodes of the layer. Default 3435. */
  readonly port: number;
  /** Nodes of names, asked before the resolver: an IP literal, or `address:port` for a node on another port. */
  readonly names: ReadonlyMap<string, O7sNode>;
  /** Ask the system's resolver for the hash of a name, as C does. Default true. */
  readonly resolver: boolean;
}

/** Where a node of the layer is. */
export interface O7sNode {
  readonly host: string;
  readonly port: number;
}

/** Reads the configuration. Throws `FLOWRING_CONFIG` naming the key. */
export function readO7sConfig(table: ConfigTable): O7sConfig {
  const host = table.text('host', '0.0.0.0');
  if (isIP(host) === 0) throw table.error('host', 'is not an IP address');
  const port = table.integer('port', 0, 65_535, O7S_PORT);
  const known = table.table('names');
  const names = new Map<string, O7sNode>();
  for (const name of known.keys()) {
    const node = parseNode(known.text(name, ''), port === 0 ? O7S_PORT : port);
    if (node === null || isIP(node.host) !== isIP(host))
      throw known.error(name, `is not an ${isIP(host) === 6 ? 'IPv6' : 'IPv4'} address of the layer`);
    names.set(name, node);
  }
  const resolver = !table.has('resolver') || table.flag('resolver');
  table.noMore();
  return { host, port, names, resolver };
}

export function familyOf(host: string): O7sFamily {
  return isIP(host) === 6 ? 'udp6' : 'udp4';
}

/** An address alone, or with a port: `10.0.0.2:3435`, `[fe80::1]:3435`. `null` when it is neither. */
export function parseNode(text: string, portOtherwise: number): O7sNode | null {
  if (isIP(text) !== 0) return { host: text, port: portOtherwise };
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (parts === null) return null;
  const host = parts[1] ?? parts[2]!;
  const port = Number(parts[3]);
  const isV6 = parts[1] !== undefined;
  return isIP(host) === (isV6 ? 6 : 4) && port > 0 && port <= 65_535 ? { host, port } : null;
}

/** A node as the allocator knows it. */
export function formatNode({ host, port }: O7sNode): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

import { createHmac } from 'node:crypto';
import { crc32 } from '@flowring/channel';
import type { UdpAddress, UdpSocket } from '@flowring/datagram';
import { randomU32 } from '../../adapters/random-u32.ts';
import type { Tag } from '../../core/udp/control-packet.ts';
import type { NeighbourOptions } from '../../core/udp/neighbour.ts';
import type { UdpConfig } from './udp-config.ts';
import { formatEndpoint, parseEndpoint } from './udp-config.ts';

function mac(key: Uint8Array, text: string): Tag {
  return createHmac('sha256', key).update(text).digest('binary').slice(0, 8);
}

/** What the table of neighbours needs of this host and its socket. */
export function neighbourOptions(
  socket: UdpSocket,
  { mtuMaxBytes }: UdpConfig,
): NeighbourOptions<UdpAddress> {
  return {
    resolve: (name) => {
      const endpoint = parseEndpoint(name);
      if (endpoint === null) return null;
      try {
        return socket.address(endpoint.address, endpoint.port);
      } catch {
        return null;
      }
    },
    format: ({ host, port }) => formatEndpoint({ address: host, port }),
    mtuMaxOf: (address) => Math.min(mtuMaxBytes ?? 65_507, interfaceMax(socket, address)),
    random: randomU32,
    mac,
    crc32,
  };
}

/** Ethernet's 1,500 where the kernel does not say; less the headers of IP and UDP. */
function interfaceMax(socket: UdpSocket, address: UdpAddress): number {
  if (isLoopback(address.host)) return address.family === 4 ? 65_507 : 65_487;
  return socket.payloadMaxBytes(address) || (address.family === 4 ? 1_472 : 1_452);
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

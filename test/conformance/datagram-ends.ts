import fs from 'node:fs';
import type { OpenUdpSocketOptions, UdpAddress, UdpError, UdpKind, UdpSocket } from '@flowring/datagram';
import { openUdpSocket } from '@flowring/datagram';

/** The kinds of socket. Only `plain` where the tests run in a tree without koffi. */
export const UDP_KINDS: readonly UdpKind[] =
  process.env['FLOWRING_TEST_WITHOUT_KOFFI'] === '1' ? ['plain'] : ['offload', 'plain'];

export const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const;

interface Received {
  readonly bytes: Buffer;
  readonly from: UdpAddress;
}

/** A socket on loopback and what happened to it. */
export class UdpEnd {
  readonly received: Received[] = [];
  readonly errors: UdpError[] = [];
  batchEnds = 0;
  writable = 0;
  socket!: UdpSocket;

  get local(): UdpAddress {
    return this.socket.local;
  }

  /** This end's name of the other. */
  nameOf(other: UdpEnd): UdpAddress {
    return this.socket.address(other.local.host, other.local.port);
  }

  send(to: UdpEnd, ...datagrams: Uint8Array[]): void {
    const address = this.nameOf(to);
    for (const bytes of datagrams) {
      if (!this.socket.send(address, bytes, 0, bytes.length)) throw new Error('no room');
    }
    this.socket.flush();
  }
}

export async function openEnd(
  kind: UdpKind,
  family: 4 | 6,
  options: Partial<OpenUdpSocketOptions> = {},
): Promise<UdpEnd> {
  const end = new UdpEnd();
  end.socket = await openUdpSocket({
    kind,
    host: LOOPBACK[family],
    onReceive: (bytes, from, to, peer) =>
      end.received.push({ bytes: Buffer.from(bytes.subarray(from, to)), from: peer }),
    onBatchEnd: () => end.batchEnds++,
    onWritable: () => end.writable++,
    onError: (error) => end.errors.push(error),
    ...options,
  });
  return end;
}

/** `bytes` bytes that tell their place and, by `seed`, whose they are. */
export function pattern(bytes: number, seed = 0): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  for (let index = 0; index < bytes; index++) buffer[index] = (index * 7 + seed) & 0xff;
  return buffer;
}

export function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length;
}

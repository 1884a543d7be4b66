import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { serveOperations } from '../../scenarios/serve-operations.mjs';

/** A datagram and its sender, as a test sees it. */
export interface Heard {
  readonly text: string;
  readonly address: string;
  readonly port: number;
}

let socket: Socket;
const heard: Heard[] = [];

serveOperations({
  async open(address: string, port: number): Promise<void> {
    socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.on('message', (datagram, from) => {
      heard.push({ text: datagram.toString('latin1'), address: from.address, port: from.port });
    });
    const listening = once(socket, 'listening');
    socket.bind(port, address);
    await listening;
  },
  async send(texts: readonly string[], address: string, port: number): Promise<void> {
    for (const text of texts)
      await new Promise((resolve) => socket.send(Buffer.from(text, 'latin1'), port, address, resolve));
  },
  /** What came in since the last call. */
  heard: (): readonly Heard[] => heard.splice(0),
});

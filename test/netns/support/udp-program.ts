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

/** Datagrams between two turns of the loop, so that answers are read. */
const FLOOD_TURN = 64;

let socket: Socket;
const heard: Heard[] = [];

async function bound(address: string, port: number): Promise<Socket> {
  const made = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const listening = once(made, 'listening');
  made.bind(port, address);
  await listening;
  return made;
}

/** Sends a datagram from a port of its own; resolves to the bytes that came back within `waitMs`. */
async function bytesBack(
  datagram: Uint8Array,
  from: string,
  to: string,
  port: number,
  waitMs: number,
): Promise<number> {
  const own = await bound(from, 0);
  let bytes = 0;
  own.on('message', (message) => (bytes += message.length));
  own.send(datagram, port, to);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  own.close();
  return bytes;
}

serveOperations({
  async open(address: string, port: number): Promise<void> {
    socket = await bound(address, port);
    socket.on('message', (datagram, from) => {
      heard.push({ text: datagram.toString('latin1'), address: from.address, port: from.port });
    });
  },
  async send(texts: readonly string[], address: string, port: number): Promise<void> {
    for (const text of texts)
      await new Promise((resolve) => socket.send(Buffer.from(text, 'latin1'), port, address, resolve));
  },
  /** For each datagram, sent by a stranger of its own: the bytes it got back. */
  answers: (
    datagrams: readonly Uint8Array[],
    from: string,
    to: string,
    port: number,
    waitMs: number,
  ): Promise<number[]> =>
    Promise.all(datagrams.map((datagram) => bytesBack(datagram, from, to, port, waitMs))),
  sendBytes(datagrams: readonly Uint8Array[], to: string, port: number): void {
    for (const datagram of datagrams) socket.send(datagram, port, to);
  },
  /** Sends the datagrams over and over from many addresses for so long; how many that were. */
  async flood(
    datagrams: readonly Uint8Array[],
    sources: readonly string[],
    to: string,
    port: number,
    ms: number,
  ): Promise<number> {
    const sockets = await Promise.all(sources.map((source) => bound(source, 0)));
    const until = performance.now() + ms;
    let sent = 0;
    while (performance.now() < until) {
      for (let n = 0; n < FLOOD_TURN; n += 1, sent += 1)
        sockets[sent % sockets.length]!.send(datagrams[sent % datagrams.length]!, port, to);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const one of sockets) one.close();
    return sent;
  },
  /** What came in since the last call. */
  heard: (): readonly Heard[] => heard.splice(0),
});

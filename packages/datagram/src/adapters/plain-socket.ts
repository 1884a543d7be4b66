import dgram from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type { OpenUdpSocketOptions, UdpAddress, UdpCounters, UdpSocket } from '../datagram.ts';
import type { Run } from '../core/send-batch.ts';
import { BatchingSocket } from './batching-socket.ts';
import { bindFailure, BUFFER_BYTES, newCounters, udpError } from './common.ts';
import { canonicalHost, checkedPort, familyOf } from './literal.ts';

interface Peer extends UdpAddress {
  readonly key: string;
  holds: number;
}

const NOBODY: Peer = { host: '', port: 0, family: 4, tag: null, key: '', holds: 0 };

/** A socket of `node:dgram` alone. */
export class PlainSocket extends BatchingSocket<string, Peer> {
  override readonly kind = 'plain';
  override readonly local: UdpAddress;
  override readonly receiveBufferBytes: number;
  override readonly sendBufferBytes: number;
  override readonly counters: UdpCounters = newCounters();
  readonly #socket: Socket;
  #lastPeer: Peer = NOBODY;
  /** Up to where the batch was given to dgram. */
  #given = 0;
  #batchEndIsDue = false;

  constructor(socket: Socket, options: OpenUdpSocketOptions) {
    super(options, NOBODY);
    const { address, port } = socket.address();
    this.#socket = socket;
    this.local = this.#peer(address, port);
    this.hold(this.local);
    this.receiveBufferBytes = socket.getRecvBufferSize();
    this.sendBufferBytes = socket.getSendBufferSize();
    socket.on('message', this.#onMessage);
    socket.on('error', (error) => options.onError?.(udpError(error, null)));
  }

  override address(host: string, port: number): UdpAddress {
    return this.#peer(canonicalHost(host, this.local.family), checkedPort(port));
  }

  override flush(): void {
    const batch = this.batch;
    while (this.isOpen && !this.isBlocked && !batch.isEmpty) {
      const run = batch.run(0);
      this.#given = Math.max(this.#given, run.start);
      if (this.#given < run.end) this.#give(run);
      else batch.sent(1);
      if (batch.isEmpty) this.#given = 0;
    }
  }

  /** dgram decides alone when it reads, and how much. */
  override hasNews(): boolean {
    return false;
  }

  override takeIn(): void {}

  override giveWay(): void {}

  override resume(): void {}

  override payloadMaxBytes(): number {
    return 0;
  }

  override ref(): void {
    if (this.isOpen) this.#socket.ref();
  }

  override unref(): void {
    if (this.isOpen) this.#socket.unref();
  }

  override async close(): Promise<void> {
    if (!this.isOpen) return;
    this.flush();
    this.isOpen = false;
    await new Promise<void>((resolve) => void this.#socket.close(resolve));
  }

  /** Gives the run's next datagram to dgram, which sends it at once, or queues it where it lies. */
  #give({ to, end, segmentBytes }: Run<Peer>): void {
    const bytes = Math.min(segmentBytes, end - this.#given);
    this.#socket.send(this.outgoing, this.#given, bytes, to.port, to.host, this.#onSent);
    this.#given += bytes;
    this.counters.sent++;
    this.counters.sendCalls++;
    if (this.#socket.getSendQueueCount() === 0) return;
    this.isBlocked = true;
    this.counters.blocked++;
  }

  readonly #onSent = (error: Error | null): void => {
    if (!this.isOpen) return;
    if (error !== null) this.#onRefused(error);
    if (this.isBlocked && this.#socket.getSendQueueCount() === 0) this.unblock();
  };

  #onRefused(error: Error & { address?: string; port?: number }): void {
    this.counters.sent--;
    this.counters.refused++;
    const { address, port } = error;
    const peer = address === undefined || port === undefined ? null : this.#peer(address, port);
    this.events.onError?.(udpError(error, peer));
  }

  readonly #onMessage = (bytes: Buffer, { address, port }: RemoteInfo): void => {
    // Nobody can be answered at port 0: it is forged.
    if (!this.isOpen || port === 0) return;
    this.counters.received++;
    this.counters.receivedMessages++;
    if (!this.#batchEndIsDue && this.events.onBatchEnd !== undefined) {
      this.#batchEndIsDue = true;
      setImmediate(this.#onBatchEnd);
    }
    this.events.onReceive(bytes, 0, bytes.length, this.#peer(address, port));
  };

  /** dgram gives each datagram its own turn of microtasks; the end of the event loop's poll is the end of them all. */
  readonly #onBatchEnd = (): void => {
    this.#batchEndIsDue = false;
    if (this.isOpen) this.events.onBatchEnd?.();
  };

  #peer(host: string, port: number): Peer {
    const last = this.#lastPeer;
    if (last.port === port && last.host === host) return last;
    const key = `${port} ${host}`;
    let peer = this.peers.get(key);
    if (peer === undefined) {
      peer = { host, port, family: familyOf(host), tag: null, key, holds: 0 };
      this.peers.add(peer);
    }
    this.#lastPeer = peer;
    return peer;
  }
}

/** Binds a socket of `node:dgram`. Rejects with the codes of {@link bindFailure}. */
export async function openPlainSocket(options: OpenUdpSocketOptions): Promise<UdpSocket> {
  const { host, port = 0, receiveBufferBytes = BUFFER_BYTES, sendBufferBytes = BUFFER_BYTES } = options;
  const family = familyOf(host);
  const socket = dgram.createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6,
    recvBufferSize: receiveBufferBytes,
    sendBufferSize: sendBufferBytes,
    lookup: literally,
  });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(bindFailure(error, host, port));
    });
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(new PlainSocket(socket, options));
    });
  });
}

type Lookup = NonNullable<dgram.SocketOptions['lookup']>;

/** All our addresses are literals; node's own look-up would put each send off to a later tick. */
const literally: Lookup = (host, _options, callback) => callback(null, host, isIPv4(host) ? 4 : 6);

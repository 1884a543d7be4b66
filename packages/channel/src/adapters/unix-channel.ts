import type net from 'node:net';
import type { ChannelSpec } from '@flowring/common';
import { errnoOf } from '@flowring/common';
import type { ChannelDownReason, ChannelEvents } from '../channel.ts';
import { BatchLink } from '../core/batch-link.ts';
import { BROKEN_ERRNO } from '../core/mux.ts';
import { StreamReader } from '../core/stream-reader.ts';
import { MuxChannel, slabPool } from './mux-channel.ts';
import type { LinkUp } from './unix-link-up.ts';
import { linkUp } from './unix-link-up.ts';

/** How long a closed channel goes on writing what was accepted, ms; and how long a dead peer's data may take. */
const LINGER_MS = 5_000;

/** The unix-socket kind: the same records on a stream, batched per turn. */
export class UnixChannel extends MuxChannel {
  readonly kind = 'unix';
  readonly #batch: BatchLink;
  readonly #reader: StreamReader;
  #linkUp: LinkUp | null;
  #socket: net.Socket | null = null;

  constructor(spec: ChannelSpec, events: ChannelEvents) {
    const batch = new BatchLink(
      (bytes) => this.#socket!.write(bytes),
      () => process.nextTick(() => this.#flush()),
    );
    super(spec.id, batch, events);
    this.#batch = batch;
    this.#reader = new StreamReader(this.mux, slabPool, batch.recordMaxBytes);
    this.#linkUp = linkUp(
      spec,
      (socket, rest) => this.#onLinked(socket, rest),
      () => this.goDown('broken', BROKEN_ERRNO),
    );
  }

  get isUp(): boolean {
    return this.isOpen && this.#socket !== null;
  }

  peerGone(): void {
    if (!this.isOpen) return;
    const socket = this.#socket;
    // The kernel hands out what the peer wrote and then ends the stream by itself.
    if (socket !== null) setTimeout(() => socket.destroy(), LINGER_MS).unref();
    else setImmediate(() => this.#onEnd());
  }

  protected pump(): void {
    this.mux.startTurn();
    if (this.isOpen && this.mux.wantsRoom) this.mux.roomMade();
  }

  protected sendClose(errno: number): void {
    if (this.#socket !== null) this.#batch.close(errno);
  }

  protected release(): void {
    this.#linkUp?.stop();
    const socket = this.#socket;
    if (socket === null || socket.destroyed) return;
    // What was accepted is still written, in the time given; then the descriptor goes.
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.on('close', () => clearTimeout(timer));
    if (socket.writableLength > 0) socket.ref();
    socket.removeAllListeners('data').resume();
    socket.destroySoon();
  }

  #flush(): void {
    if (this.isOpen) this.#batch.flush();
  }

  #onLinked(socket: net.Socket, rest: Buffer): void {
    this.#socket = socket;
    this.#linkUp = null;
    ignoreWriteErrors(socket);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onRoom());
    socket.on('error', () => this.#onEnd());
    socket.on('end', () => this.#onEnd());
    this.events.onUp();
    this.#onRoom();
    if (rest.length !== 0) this.#onData(rest);
  }

  #onData(chunk: Buffer): void {
    if (!this.isOpen) return;
    this.mux.stats.bellsReceived++;
    this.mux.startTurn();
    if (this.isOpen && !this.#reader.push(chunk)) this.goDown('broken', BROKEN_ERRNO);
    else if (this.#reader.closedErrno >= 0) this.#onEnd();
  }

  #onRoom(): void {
    if (!this.isOpen) return;
    this.#batch.unblock();
    if (this.mux.wantsRoom) this.mux.roomMade();
  }

  #onEnd(): void {
    const errno = this.#reader.closedErrno;
    const [reason, how]: [ChannelDownReason, number] =
      errno >= 0 ? ['peer-closed', errno] : ['peer-died', errnoOf('FLOWRING_PEER_GONE')];
    this.goDown(reason, how);
  }
}

/**
 * A write that fails (EPIPE: the peer is gone) must not destroy the socket before what the peer sent is read;
 * reading then tells of the end.
 */
function ignoreWriteErrors(socket: net.Socket): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk: unknown, encoding, done) => write(chunk, encoding, () => done());
  if (writev !== undefined) socket._writev = (chunks, done) => writev(chunks, () => done());
}

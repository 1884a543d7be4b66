import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorCode, Flow } from '@flowring/libdev';
import { toDuplex } from '@flowring/libdev';

/** Set on every TCP socket: each end of each direction is passed on by us, small writes are, and dead hosts are found. */
export const TCP_OPTIONS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
} as const;

/** Bytes that each direction keeps between flow and socket, beside the flow's own window. */
const BUFFERED_BYTES = 65_536;

/** One TCP connection and the flow it goes over: what happens to one, happens to the other. */
export class Connection {
  readonly id: number;
  readonly socket: Socket;
  /** Settles when both are over; rejects with what ended them early. */
  readonly over: Promise<void>;
  #flow: Flow | null = null;
  #stream: Duplex | null = null;
  #failure: Error | null = null;
  #settle: () => void = () => undefined;

  constructor(id: number, socket: Socket) {
    this.id = id;
    this.socket = socket;
    this.over = new Promise((resolve, reject) => {
      this.#settle = () => {
        if (!socket.closed || this.#stream?.closed === false) return;
        if (this.#failure === null) resolve();
        else reject(this.#failure);
      };
    });
    socket.on('error', (error) => {
      this.fail(error);
    });
    socket.once('close', this.#settle);
  }

  /** The flow that takes the place of the cable. The end of a direction is passed on; an error becomes a reset. */
  join(flow: Flow): void {
    this.#flow = flow;
    // The last bytes may wait for a slow reader for as long as that lives.
    const stream = toDuplex(flow, {
      allowHalfOpen: true,
      lingerMs: Infinity,
      readableHighWaterMark: BUFFERED_BYTES,
      writableHighWaterMark: BUFFERED_BYTES,
    });
    this.#stream = stream;
    stream.on('error', (error) => {
      this.fail(error);
    });
    stream.once('close', this.#settle);
    this.socket.pipe(stream).pipe(this.socket);
  }

  /** Resets the TCP connection and aborts the flow, which tells the far side `code`. The first error counts. */
  fail(error: Error, code?: ErrorCode): void {
    this.#failure ??= error;
    this.#flow?.abort(code);
    this.#stream?.destroy();
    if (!this.socket.destroyed) this.socket.resetAndDestroy();
  }
}

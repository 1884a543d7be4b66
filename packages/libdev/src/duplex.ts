import { Duplex } from 'node:stream';
import type { DuplexOptions } from 'node:stream';
import { FlowringError, isFlowringError } from '@flowring/common';
import type { DeallocOptions, Flow } from './flow-types.ts';

type Done = (error?: Error | null) => void;

/** Bytes of one message at most: half of what a socket reads at once, so that each is one PDU on the direct path. */
const CHUNK_MAX_BYTES = 32_768;
const END_OF_STREAM = Buffer.alloc(0);
/** A smaller message is copied: a stream that is not read holds many, and each view would hold a slab of 66 KiB. */
const VIEW_MIN_BYTES = 1_024;

/** Stream options of {@link toDuplex}; `lingerMs` is that of the `dealloc` after both directions have ended. */
export type FlowDuplexOptions = Pick<DeallocOptions, 'lingerMs'> &
  Pick<DuplexOptions, 'allowHalfOpen' | 'readableHighWaterMark' | 'writableHighWaterMark'>;

/**
 * A byte stream over a flow, for what wants a socket: `http` (`server.emit('connection', stream)`,
 * `http.request({ createConnection: () => stream })`), `tls` (`tls.connect({ socket: stream })`), `ws`. Both ends must use
 * it: message boundaries mean nothing, and an empty message is the end of one direction (a flow has no half close).
 * When both directions have ended the flow is deallocated; `destroy` aborts it. The peer's `dealloc` ends the stream,
 * its death destroys it with `FLOWRING_PEER_GONE`, also after the peer's direction has ended. A reader slower than
 * `lingerMs` loses the last bytes, with an error at both ends: `Infinity` waits for as long as the peer lives.
 * Backpressure works both ways. Use it on reliable flows: bytes lost by a raw flow are lost from the stream.
 * `allowHalfOpen` is false by default, as in `net`.
 */
export function toDuplex(flow: Flow, options: FlowDuplexOptions = {}): Duplex {
  return new FlowDuplex(flow, options);
}

class FlowDuplex extends Duplex {
  readonly #flow: Flow;
  readonly #chunkMaxBytes: number;
  readonly #lingerMs: number | undefined;
  #reading = false;
  #sentEnd = false;

  constructor(flow: Flow, options: FlowDuplexOptions) {
    super({ allowHalfOpen: false, ...options });
    this.#flow = flow;
    this.#lingerMs = options.lingerMs;
    this.#chunkMaxBytes = Math.min(flow.messageMaxBytes, CHUNK_MAX_BYTES);
  }

  // What users of sockets call without asking whether it is there.
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#pull().catch((error: unknown) => {
      if (!this.destroyed) this.destroy(error as Error);
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(chunk).then(() => {
      done();
    }, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#sendAll(chunks).then(() => {
      done();
    }, done);
  }

  override _final(done: Done): void {
    this.#sentEnd = true;
    this.#sendEnd().then(() => {
      done();
    }, done);
  }

  override _destroy(error: Error | null, done: Done): void {
    if (error === null && this.#sentEnd && this.readableEnded) {
      this.#leave().then(() => {
        done(null);
      }, done);
      return;
    }
    this.#flow.abort();
    done(error);
  }

  async #pull(): Promise<void> {
    for (;;) {
      const message = await this.#flow.read();
      const isEnd = message === null || message.length === 0;
      if (message?.length === 0) this.#watchForLoss();
      // A push may call `_read` at once.
      this.#reading = false;
      const wantsMore = this.push(isEnd ? null : keepable(message));
      if (isEnd || !wantsMore || this.#reading) return;
      this.#reading = true;
    }
  }

  async #leave(): Promise<void> {
    try {
      await this.#flow.dealloc({ lingerMs: this.#lingerMs });
    } catch (error) {
      if (!isFlowringError(error, 'FLOWRING_NOT_ALLOCATED')) throw error;
    }
  }

  /** After the peer's end mark nobody reads who would hear of its death. */
  #watchForLoss(): void {
    void this.#flow.closed.then(({ by, code }) => {
      if (by === 'lost' && !this.destroyed) this.destroy(new FlowringError(code!));
    });
  }

  async #send(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; at += this.#chunkMaxBytes) {
      await this.#flow.write(chunk.subarray(at, at + this.#chunkMaxBytes));
    }
  }

  /** Puts small chunks that follow each other into one message. */
  async #sendAll(chunks: readonly { chunk: Buffer }[]): Promise<void> {
    let small: Buffer[] = [];
    let bytes = 0;
    for (const { chunk } of chunks) {
      if (bytes + chunk.length > this.#chunkMaxBytes && bytes > 0) {
        await this.#send(Buffer.concat(small, bytes));
        small = [];
        bytes = 0;
      }
      if (chunk.length >= this.#chunkMaxBytes) {
        await this.#send(chunk);
        continue;
      }
      small.push(chunk);
      bytes += chunk.length;
    }
    if (bytes > 0) await this.#send(small.length === 1 ? small[0]! : Buffer.concat(small, bytes));
  }

  /** A peer that is gone needs no end mark. */
  async #sendEnd(): Promise<void> {
    if (this.#flow.isOpen) await this.#flow.write(END_OF_STREAM).catch(() => undefined);
  }
}

/** The message, or a copy that keeps less memory. */
function keepable(message: Buffer): Buffer {
  return message.length < VIEW_MIN_BYTES ? Buffer.from(message) : message;
}

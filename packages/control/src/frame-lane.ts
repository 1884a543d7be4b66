import type { Socket } from 'node:net';
import type { ConnectedStream } from './connected-stream.ts';
import { FrameSplitter, LIMITS } from '@flowring/common';

export interface FrameLaneEvents {
  onFrame(frame: Uint8Array): void;
  /** Once: the stream ended, broke, carried an impossible frame, or was destroyed here. */
  onClose(reason: LaneCloseReason): void;
}

/** `overflow`: the peer did not read. `broken`: it announced an impossible frame. */
export type LaneCloseReason = 'closed' | 'overflow' | 'broken';

export interface FrameLaneOptions {
  readonly frameMaxBytes?: number;
  readonly bufferedMaxBytes?: number;
}

/**
 * Length-framed messages on a unix stream. The first frame of a turn is written at once, so that a lone message
 * waits for nobody; what follows before the microtasks run goes out in one write.
 */
export class FrameLane {
  readonly socket: Socket;
  readonly #events: FrameLaneEvents;
  readonly #bufferedMaxBytes: number;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushScheduled = false;
  #lazyTimer: NodeJS.Timeout | undefined;
  #isOpen = true;
  #reason: LaneCloseReason = 'closed';

  constructor(stream: Socket | ConnectedStream, events: FrameLaneEvents, options: FrameLaneOptions = {}) {
    const socket = 'socket' in stream ? stream.socket : stream;
    this.socket = socket;
    this.#events = events;
    this.#bufferedMaxBytes = options.bufferedMaxBytes ?? LIMITS.lifelineBufferedMaxBytes;
    const splitter = new FrameSplitter((frame) => {
      if (this.#isOpen) this.#events.onFrame(frame);
    }, options.frameMaxBytes);
    const onChunk = (chunk: Buffer): void => {
      if (!splitter.push(chunk)) this.destroy('broken');
    };
    if ('socket' in stream) stream.onChunk(onChunk);
    else socket.on('data', onChunk);
    socket.on('error', () => this.destroy());
    socket.on('end', () => this.destroy());
    socket.on('close', () => this.#closed());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** False when the lane is closed, or closes now because the peer does not read. */
  send(payload: Uint8Array): boolean {
    if (!this.#isOpen) return false;
    const frame = pooledFrameOf(payload);
    if (!this.#hasRoomFor(frame)) return false;
    if (this.#flushScheduled || this.#queue.length > 0) this.#enqueue(frame);
    else this.socket.write(frame);
    if (this.#flushScheduled) return true;
    this.#flush();
    this.#flushScheduled = true;
    queueMicrotask(this.#flush);
    return true;
  }

  /** As `send`, but waits up to 2 ms for a message to travel with. */
  sendSoon(payload: Uint8Array): boolean {
    if (!this.#isOpen) return false;
    const frame = pooledFrameOf(payload);
    if (!this.#hasRoomFor(frame)) return false;
    this.#enqueue(frame);
    if (!this.#flushScheduled) this.#lazyTimer ??= setTimeout(this.#flush, SOON_MS);
    return true;
  }

  /** Sends what is queued, then ends the stream. */
  end(): void {
    if (!this.#isOpen) return;
    this.#flush();
    this.#isOpen = false;
    this.socket.end();
  }

  /** Closes at once: what the kernel has taken still arrives, the rest does not. */
  destroy(reason: LaneCloseReason = 'closed'): void {
    if (this.#isOpen) {
      this.#reason = reason;
      if (reason === 'closed') this.#flush();
    }
    this.#isOpen = false;
    this.socket.destroy();
  }

  #enqueue(frame: Buffer): void {
    this.#queue.push(frame);
    this.#queuedBytes += frame.length;
  }

  /** Closes a lane whose peer does not read. */
  #hasRoomFor(frame: Buffer): boolean {
    if (this.socket.writableLength + this.#queuedBytes + frame.length <= this.#bufferedMaxBytes) return true;
    this.destroy('overflow');
    return false;
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#lazyTimer !== undefined) clearTimeout(this.#lazyTimer);
    this.#lazyTimer = undefined;
    if (this.#queue.length === 0) return;
    const bytes = this.#queue.length === 1 ? this.#queue[0]! : Buffer.concat(this.#queue, this.#queuedBytes);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    if (!this.socket.destroyed) this.socket.write(bytes);
  };

  #closed(): void {
    this.#isOpen = false;
    this.#events.onClose(this.#reason);
  }
}

/** A message nobody waits for leaves after this at the latest. */
const SOON_MS = 2;

/** As `frameOf`, from the buffer pool: a fresh typed array costs more than the copy. */
function pooledFrameOf(payload: Uint8Array): Buffer {
  const { length } = payload;
  const frame = Buffer.allocUnsafe(4 + length);
  frame[0] = length;
  frame[1] = length >>> 8;
  frame[2] = length >>> 16;
  frame[3] = length >>> 24;
  frame.set(payload, 4);
  return frame;
}

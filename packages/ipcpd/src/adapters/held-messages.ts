import type { SendOutcome } from '@flowring/channel';
import type { MessageSink } from './forward.ts';

/** The first chunk of a queue, at least; each further one is twice as large, up to the largest, or one message's. */
const CHUNK_MIN_BYTES = 1_024;
const CHUNK_MAX_BYTES = 65_536;
/** Chunks of the largest size not in use, for all queues: what is held again and again costs the collector nothing. */
const SPARE_MAX = 16;
const LENGTH_BYTES = 4;

interface Chunk {
  readonly buffer: Buffer;
  /** The same memory, for lengths. */
  readonly words: Int32Array;
  used: number;
}

const spare: Chunk[] = [];

/**
 * Messages that wait, oldest first: a sink that always has room. Each lies behind its length in chunks of memory, which
 * are given back as it is taken out.
 */
export class HeldMessages implements Pick<MessageSink, 'trySend' | 'trySendWith'> {
  length = 0;
  readonly #chunks: Chunk[] = [];
  /** Of the oldest message, in the oldest chunk. */
  #at = 0;

  /** Memory it has. */
  get capacityBytes(): number {
    return this.#chunks.reduce((sum, { buffer }) => sum + buffer.length, 0);
  }

  trySend(message: Uint8Array): SendOutcome {
    const chunk = this.#chunkFor(message.length);
    chunk.buffer.set(message, chunk.used + LENGTH_BYTES);
    return this.#keep(chunk, message.length);
  }

  trySendWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): SendOutcome {
    const chunk = this.#chunkFor(maxBytes);
    return this.#keep(chunk, fill(chunk.buffer, chunk.used + LENGTH_BYTES));
  }

  /** Where the oldest message lies; there must be one. */
  get bytes(): Buffer {
    return this.#chunks[0]!.buffer;
  }

  get start(): number {
    return this.#at + LENGTH_BYTES;
  }

  get end(): number {
    return this.start + this.#chunks[0]!.words[this.#at >> 2]!;
  }

  /** Takes the oldest message out; there must be one. */
  shift(): void {
    const chunk = this.#chunks[0]!;
    this.#at += wholeBytes(chunk.words[this.#at >> 2]!);
    this.length -= 1;
    if (this.#at < chunk.used) return;
    this.#chunks.shift();
    this.#at = 0;
    if (chunk.buffer.length === CHUNK_MAX_BYTES && spare.length < SPARE_MAX) spare.push(chunk);
  }

  #keep(chunk: Chunk, messageBytes: number): 'sent' {
    chunk.words[chunk.used >> 2] = messageBytes;
    chunk.used += wholeBytes(messageBytes);
    this.length += 1;
    return 'sent';
  }

  #chunkFor(messageBytes: number): Chunk {
    const bytes = wholeBytes(messageBytes);
    const newest = this.#chunks.at(-1);
    if (newest !== undefined && newest.buffer.length - newest.used >= bytes) return newest;
    const chunk = takeChunk(bytes, newest === undefined ? CHUNK_MIN_BYTES : 2 * newest.buffer.length);
    this.#chunks.push(chunk);
    return chunk;
  }
}

function wholeBytes(messageBytes: number): number {
  return LENGTH_BYTES + ((messageBytes + 3) & ~3);
}

function takeChunk(leastBytes: number, wantedBytes: number): Chunk {
  const bytes = Math.max(leastBytes, Math.min(wantedBytes, CHUNK_MAX_BYTES));
  const chunk = bytes === CHUNK_MAX_BYTES ? spare.pop() : undefined;
  if (chunk !== undefined) {
    chunk.used = 0;
    return chunk;
  }
  const buffer = Buffer.allocUnsafeSlow(bytes);
  return { buffer, words: new Int32Array(buffer.buffer, 0, bytes >> 2), used: 0 };
}

import { errnoOf } from '@flowring/common';
import type { Channel, ChannelEvents } from '../channel.ts';
import { BROKEN_ERRNO } from '../core/mux.ts';
import { RING_HEADER_BYTES, RingReader, RingWriter } from '../core/ring.ts';
import { MuxChannel, slabPool } from './mux-channel.ts';

const RING_BYTES = 262_144;
/** Turns in microtasks at a stretch; then one through the event loop, so that timers and I/O are not starved. */
const MICROTASK_TURNS_MAX = 256;

export interface MemoryChannelOptions {
  /** Bytes of one ring, a power of two from 4,096. Default 262,144. */
  readonly ringBytes?: number;
  readonly eventsA?: ChannelEvents;
  readonly eventsB?: ChannelEvents;
}

/** One end of a pair in one process: the rings of the shared-memory kind in plain memory, bells as microtasks. */
class MemoryChannel extends MuxChannel {
  /** The records, credits and rings are those of this kind. */
  readonly kind = 'shm';
  readonly #reader: RingReader;
  readonly #writer: RingWriter;
  peer: MemoryChannel | null = null;
  #peerHasLeft = false;
  #microtaskTurns = 0;

  constructor(memory: ArrayBuffer, ringBytes: number, side: 0 | 1, events: ChannelEvents) {
    const headerAt = (of: number): number => of * RING_HEADER_BYTES;
    const ringAt = (of: number): number => 2 * RING_HEADER_BYTES + of * ringBytes;
    const ring = (): void => this.#ring();
    const writer = new RingWriter(memory, headerAt(side), ringAt(side), ringBytes, ring);
    super(1, writer, events);
    this.#writer = writer;
    this.#reader = new RingReader(memory, headerAt(1 - side), ringAt(1 - side), ringBytes, ring);
    this.#reader.sleep();
    queueMicrotask(() => {
      if (this.isOpen) this.events.onUp();
    });
  }

  get isUp(): boolean {
    return this.isOpen;
  }

  peerGone(): void {
    this.#peerHasLeft = true;
    this.requestTurn();
  }

  protected override schedule(turn: () => void): void {
    if (++this.#microtaskTurns < MICROTASK_TURNS_MAX) return queueMicrotask(turn);
    setImmediate(() => {
      this.#microtaskTurns = 0;
      turn();
    });
  }

  protected pump(): void {
    this.mux.startTurn();
    if (this.isOpen && this.mux.wantsRoom) this.mux.roomMade();
    while (this.isOpen) {
      const readable = this.#reader.readable();
      if (readable === 0) break;
      const bytes = readable < 0 ? -1 : this.#reader.take(readable, slabPool);
      const at = this.#reader.at;
      if (bytes < 0 || !this.mux.receive(slabPool.slab, at, at + bytes)) {
        return this.goDown('broken', BROKEN_ERRNO);
      }
    }
    if (!this.isOpen) return;
    const closedErrno = this.#reader.closedErrno();
    if (closedErrno >= 0) this.goDown('peer-closed', closedErrno);
    else if (this.#peerHasLeft) this.goDown('peer-died', errnoOf('FLOWRING_PEER_GONE'));
    else if (!this.#reader.sleep()) this.requestTurn();
  }

  protected sendClose(errno: number): void {
    this.#writer.close(errno);
  }

  protected release(): void {
    this.peer = null;
  }

  #ring(): void {
    this.mux.stats.bellsSent++;
    const peer = this.peer;
    if (peer === null || !peer.isOpen) return;
    peer.mux.stats.bellsReceived++;
    peer.requestTurn();
  }
}

/** Two ends of a channel inside this process, without I/O; messages arrive in a microtask. */
export function createMemoryChannelPair(options: MemoryChannelOptions = {}): [Channel, Channel] {
  const ringBytes = options.ringBytes ?? RING_BYTES;
  const memory = new ArrayBuffer(2 * RING_HEADER_BYTES + 2 * ringBytes);
  const a = new MemoryChannel(memory, ringBytes, 0, options.eventsA ?? SILENT);
  const b = new MemoryChannel(memory, ringBytes, 1, options.eventsB ?? SILENT);
  a.peer = b;
  b.peer = a;
  return [a, b];
}

const SILENT: ChannelEvents = { onUp: () => undefined, onDown: () => undefined };

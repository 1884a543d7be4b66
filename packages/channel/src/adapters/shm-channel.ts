import fs from 'node:fs';
import type { ChannelSpec } from '@flowring/common';
import { FlowringError, errnoOf } from '@flowring/common';
import type { OpenChannelOptions } from '../channel.ts';
import { BROKEN_ERRNO } from '../core/mux.ts';
import { RingReader, RingWriter } from '../core/ring.ts';
import type { Awaited } from './busy-wait.ts';
import { ConversationWait } from './conversation-wait.ts';
import { Doorbell } from './doorbell.ts';
import type { Libc } from './libc.ts';
import type { Region } from './mapping.ts';
import { mapFile, releaseRegion } from './mapping.ts';
import { MuxChannel, slabPool } from './mux-channel.ts';
import {
  DIRECTION_AT,
  RING_FILE_MAGIC,
  RING_FILE_VERSION,
  isRingSize,
  ringAt,
  ringFileBytes,
} from './ring-file.ts';

/** Taken in before other work of the process gets its turn, bytes. */
const TURN_BYTES = 262_144;
/** A turn that took in so much is followed by another look before sleeping: the peer is likely to stream, bytes. */
const STREAM_BYTES = 4_096;

/** The shared-memory kind: two rings in one file, a FIFO doorbell for each direction. */
export class ShmChannel extends MuxChannel {
  readonly kind = 'shm';
  readonly #libc: Libc;
  readonly #region: Region;
  readonly #reader: RingReader;
  readonly #writer: RingWriter;
  readonly #doorbell: Doorbell;
  readonly #wait: ConversationWait;
  /** A pump or a busy wait is on its way: the peer need not ring. */
  #isAwake = true;
  #peerHasLeft = false;
  readonly #copiesAtOnce: boolean;

  constructor(libc: Libc, region: Region, { spec, events, copiesAtOnce }: OpenChannelOptions) {
    const { side, ringBytes, path } = spec;
    const other = side === 'a' ? 'b' : 'a';
    const ring = () => this.#ring();
    const { memory } = region;
    const writer = new RingWriter(memory, DIRECTION_AT[side], ringAt(side, ringBytes), ringBytes, ring);
    super(spec.id, writer, events);
    this.#libc = libc;
    this.#region = region;
    this.#copiesAtOnce = copiesAtOnce === true;
    this.#writer = writer;
    this.#reader = new RingReader(memory, DIRECTION_AT[other], ringAt(other, ringBytes), ringBytes, ring);
    this.#doorbell = new Doorbell(
      `${path}.${side}`,
      `${path}.${other}`,
      () => this.#onBell(),
      () => this.peerGone(),
    );
    const awaited: Awaited = {
      hasNews: () => this.#reader.readable() !== 0 || (this.mux.wantsRoom && writer.hasRoom()),
      takeIn: () => this.pump(),
      rest: () => this.#sleep(),
    };
    this.#wait = new ConversationWait(awaited, this.mux.stats, () => events.isToOtherHost === true);
    queueMicrotask(() => this.#start());
  }

  get isUp(): boolean {
    return this.isOpen;
  }

  peerGone(): void {
    if (!this.isOpen || this.#peerHasLeft) return;
    this.#peerHasLeft = true;
    this.requestTurn();
  }

  protected pump(): void {
    if (!this.isOpen) return;
    this.mux.startTurn();
    if (this.isOpen && this.mux.wantsRoom) this.mux.roomMade();
    const taken = this.#takeIn(this.#peerHasLeft ? Infinity : TURN_BYTES);
    if (!this.isOpen) return;
    if (this.#writer.broken) this.goDown('broken', BROKEN_ERRNO);
    else if (taken >= TURN_BYTES && !this.#peerHasLeft) this.requestTurn();
    else this.#rest(taken);
  }

  protected sendClose(errno: number): void {
    this.#writer.close(errno);
  }

  protected release(): void {
    this.#wait.end();
    this.#doorbell.close();
    releaseRegion(this.#libc, this.#region);
  }

  #start(): void {
    if (!this.isOpen) return;
    this.events.onUp();
    this.pump();
  }

  #ring(): void {
    this.mux.stats.bellsSent++;
    this.#doorbell.ring();
  }

  #onBell(): void {
    if (!this.isOpen) return;
    this.mux.stats.bellsReceived++;
    if (!this.#isAwake) this.#wait.woke();
    this.pump();
  }

  /** Delivers what is readable, up to about `maxBytes`. Returns the bytes taken in. */
  #takeIn(maxBytes: number): number {
    let taken = 0;
    // A peer that left writes no more; one that lies about it is held to what a ring can hold.
    const bound = Math.min(maxBytes, 2 * this.#region.bytes);
    while (this.isOpen && taken < bound) {
      const readable = this.#reader.readable();
      if (readable === 0) break;
      const bytes = readable < 0 ? -1 : this.#takeRecords(readable);
      if (bytes < 0) {
        this.goDown('broken', BROKEN_ERRNO);
        break;
      }
      taken += bytes;
    }
    return taken;
  }

  /** Delivers some of what is readable. Returns its bytes; -1: the peer broke the rules. */
  #takeRecords(readable: number): number {
    const reader = this.#reader;
    const bytes = this.#copiesAtOnce ? reader.lend(readable) : reader.take(readable, slabPool);
    if (bytes < 0) return -1;
    const isSound = this.mux.receive(
      this.#copiesAtOnce ? reader.lent : slabPool.slab,
      reader.at,
      reader.at + bytes,
    );
    if (this.#copiesAtOnce && this.isOpen) reader.giveBack(bytes);
    return isSound ? bytes : -1;
  }

  /** Nothing is readable: the channel ends, waits busily for a moment, or sleeps until the bell. */
  #rest(taken: number): void {
    const closedErrno = this.#reader.closedErrno();
    if (closedErrno >= 0 && this.#reader.readable() === 0) return this.goDown('peer-closed', closedErrno);
    if (this.#peerHasLeft) return this.goDown('peer-died', errnoOf('FLOWRING_PEER_GONE'));
    this.#isAwake = true;
    if (taken >= STREAM_BYTES) this.requestTurn();
    else if (!this.#wait.expect()) this.#sleep();
  }

  #sleep(): void {
    if (!this.isOpen) return;
    if (!this.#reader.sleep()) return this.requestTurn();
    this.#isAwake = false;
    this.#wait.slept();
  }
}

/** Opens one end of a shared-memory channel. Throws `FLOWRING_CHANNEL`. */
export function openShmChannel(libc: Libc, options: OpenChannelOptions): ShmChannel {
  const { spec } = options;
  let region: Region | undefined;
  try {
    region = mapRingFile(libc, spec);
    return new ShmChannel(libc, region, options);
  } catch (cause) {
    if (region !== undefined) releaseRegion(libc, region);
    throw new FlowringError('FLOWRING_CHANNEL', {
      message: `cannot open the channel at ${spec.path}: ${(cause as Error).message}`,
      details: { channel: spec.id, kind: 'shm' },
      cause,
    });
  }
}

function mapRingFile(libc: Libc, spec: ChannelSpec): Region {
  const { O_RDWR, O_NOFOLLOW } = fs.constants;
  const fd = fs.openSync(`${spec.path}.ring`, O_RDWR | O_NOFOLLOW);
  try {
    const bytes = ringFileBytes(spec.ringBytes);
    const stat = fs.fstatSync(fd);
    // Touching a page beyond the end of the file would end the process.
    if (!stat.isFile() || stat.size !== bytes || !isRingSize(spec.ringBytes)) {
      throw new Error('the ring file has not the size agreed');
    }
    const region = mapFile(libc, fd, bytes);
    const [magic, version, ringBytes] = new Uint32Array(region.memory, 0, 3);
    if (magic === RING_FILE_MAGIC && version === RING_FILE_VERSION && ringBytes === spec.ringBytes)
      return region;
    releaseRegion(libc, region);
    throw new Error('not a ring file of this version');
  } finally {
    fs.closeSync(fd);
  }
}

import os from 'node:os';
import type { OpenUdpSocketOptions, UdpAddress, UdpCounters, UdpError, UdpSocket } from '../datagram.ts';
import { DATAGRAM_MAX_BYTES } from '../datagram.ts';
import { BatchingSocket } from './batching-socket.ts';
import { codeOfErrno, newCounters } from './common.ts';
import * as C from './constants.ts';
import { ErrorQueue } from './error-queue.ts';
import type { Libc } from './libc.ts';
import { checkedPort, familyOf } from './literal.ts';
import type { NativeSocket } from './native-socket.ts';
import { openNativeSocket, routeMtu } from './native-socket.ts';
import { Poller } from './poller.ts';
import { ReceiveRoom } from './receive-room.ts';
import { SendRoom } from './send-room.ts';
import type { NativePeer } from './sockaddr.ts';
import { NOBODY, Sockaddrs } from './sockaddr.ts';

/**
 * Bytes after which a turn is over, and calls: whom the layer hands them to has room for a window's worth, and makes
 * more only when others have had their turn.
 */
const TURN_BYTES = 262_144;
const TURN_CALLS_MAX = 16;
/** Errors that wait to be told; further ones are only counted. */
const UNTOLD_ERRORS_MAX = 256;
/** How long others are waited for that have no room, ms: all flows of the socket wait with them. */
const REST_MS = 1;
const { EAGAIN, EINTR, EIO, EMSGSIZE } = os.constants.errno;

/** A socket of libc's, with segmentation and coalescing by the kernel, in calls for many messages at a time. */
export class OffloadSocket extends BatchingSocket<number | string, NativePeer> {
  override readonly kind = 'offload';
  override readonly local: UdpAddress;
  override readonly receiveBufferBytes: number;
  override readonly sendBufferBytes: number;
  readonly #libc: Libc;
  readonly #sockaddrs: Sockaddrs;
  readonly #socket: NativeSocket;
  readonly #poller: Poller;
  readonly #errors: ErrorQueue;
  readonly #sendRoom: SendRoom;
  readonly #receiveRoom: ReceiveRoom;
  readonly #counters = newCounters();
  readonly #untold: UdpError[] = [];
  /** Nothing is received until `resume`, or until this is over; null: it is. */
  #rest: NodeJS.Timeout | null = null;

  constructor(libc: Libc, options: OpenUdpSocketOptions) {
    super(options, NOBODY);
    this.#libc = libc;
    this.#sockaddrs = new Sockaddrs(libc, familyOf(options.host), this.peers);
    const socket = openNativeSocket(libc, this.#sockaddrs, options);
    this.#socket = socket;
    this.receiveBufferBytes = socket.get(C.SOL_SOCKET, C.SO_RCVBUF);
    this.sendBufferBytes = socket.get(C.SOL_SOCKET, C.SO_SNDBUF);
    this.local = this.#sockaddrs.peerAt(socket.name(), 0);
    this.hold(this.local);
    this.#errors = new ErrorQueue(libc, socket, this.#sockaddrs, (error) => this.#report(error));
    this.#sendRoom = new SendRoom(libc, socket.fd, this.outgoing);
    this.#receiveRoom = new ReceiveRoom(libc, socket.fd, this.#sockaddrs, this.#counters);
    this.#poller = new Poller(libc, socket.fd, this.#onReady);
    this.#poller.start(C.UV_READABLE);
  }

  override get counters(): Readonly<UdpCounters> {
    if (this.isOpen) this.#counters.dropped = this.#socket.drops();
    return this.#counters;
  }

  override address(host: string, port: number): UdpAddress {
    return this.#sockaddrs.peerOf(host, checkedPort(port));
  }

  override flush(): void {
    const { batch } = this;
    while (this.isOpen && !this.isBlocked && !batch.isEmpty) {
      const { isSplit } = batch.run(0);
      const outcome = isSplit ? this.#sendRoom.sendFirst(batch) : this.#sendRoom.send(batch);
      if (outcome < 0) this.#onRefused(-outcome);
      else if (isSplit) this.#onSentFirst();
      else this.#onSent(outcome);
    }
  }

  override hasNews(): boolean {
    return this.isOpen && this.#rest === null && (!this.#receiveRoom.isEmpty || this.#receiveRoom.fill() > 0);
  }

  override takeIn(): void {
    this.#receive();
  }

  override giveWay(): void {
    this.#receiveRoom.isPaused = true;
  }

  override resume(): void {
    this.#receiveRoom.isPaused = false;
    if (this.#rest !== null) this.#endRest();
  }

  override payloadMaxBytes(to: UdpAddress): number {
    if (!this.isOpen) return 0;
    const { family, words } = to as NativePeer;
    const mtuBytes = routeMtu(this.#libc, family, (this.local as NativePeer).words, words);
    return Math.min(DATAGRAM_MAX_BYTES, Math.max(0, mtuBytes - C.HEADER_BYTES[family]));
  }

  override ref(): void {
    if (this.isOpen) this.#poller.ref();
  }

  override unref(): void {
    if (this.isOpen) this.#poller.unref();
  }

  override async close(): Promise<void> {
    if (!this.isOpen) return;
    this.flush();
    this.isOpen = false;
    this.#receiveRoom.discard();
    this.#stopRest();
    const closed = this.#poller.close();
    this.#socket.close();
    await closed;
  }

  #onSent(runs: number): void {
    const { batch } = this;
    for (let index = 0; index < runs; index++) {
      const { start, end, segmentBytes } = batch.run(index);
      this.#counters.sent += Math.ceil((end - start) / segmentBytes);
    }
    this.#counters.sendCalls++;
    batch.sent(runs);
  }

  #onSentFirst(): void {
    this.#counters.sent++;
    this.#counters.sendCalls++;
    this.batch.sentFirst();
  }

  /** The first run did not go: why decides whether it is tried again now, later, or never. */
  #onRefused(errno: number): void {
    if (errno === EINTR) return;
    if (errno === EAGAIN) {
      this.isBlocked = true;
      this.#counters.blocked++;
      this.#poll();
      return;
    }
    // What the network says of an earlier datagram is told by the next call, whatever that is about.
    if (this.#errors.drain() > 0) return;
    const run = this.batch.run(0);
    if (!run.isSplit && run.end - run.start > run.segmentBytes) {
      // As one message it does not go: its segments may be too long for the link, or the device lacks checksums.
      run.isSplit = true;
      if (errno === EIO) this.batch.segmentsMax = 1;
    } else this.#refuseFirst(run.to, errno);
  }

  #refuseFirst(peer: UdpAddress, errno: number): void {
    this.#counters.refused++;
    const payloadMaxBytes = errno === EMSGSIZE ? this.#errors.localPayloadMaxBytes : 0;
    this.#report({ code: codeOfErrno(errno), errno, peer, payloadMaxBytes });
    this.batch.sentFirst();
  }

  /** Errors are told in the next turn, as their cause may be a call of the layer's. */
  #report(error: UdpError): void {
    if (this.#untold.length < UNTOLD_ERRORS_MAX) this.#untold.push(error);
    this.#poller.schedule();
  }

  readonly #onReady = (events: number, hasFailed: boolean): void => {
    if (!this.isOpen) return;
    if (hasFailed) {
      this.#errors.drain();
      this.#poll();
    }
    for (const error of this.#untold.splice(0)) {
      if (this.isOpen) this.events.onError?.(error);
    }
    if (this.isBlocked && (events & C.UV_WRITABLE) !== 0) {
      this.unblock();
      this.#poll();
    }
    this.#receive();
  };

  #poll(): void {
    this.#poller.start((this.#rest === null ? C.UV_READABLE : 0) | (this.isBlocked ? C.UV_WRITABLE : 0));
  }

  #receive(): void {
    if (this.#rest !== null) return;
    const room = this.#receiveRoom;
    const before = this.#counters.received;
    try {
      let left = TURN_BYTES;
      for (let calls = 0; this.isOpen && left > 0 && calls < TURN_CALLS_MAX; calls++) {
        const bytes = room.isEmpty ? room.fill() : 0;
        // Nothing is there; or the error of an earlier datagram, which the poller's failure reports.
        if (bytes < 0) break;
        left -= bytes;
        room.deliver(this.events);
        if (!room.wasFull || room.isPaused) break;
      }
    } finally {
      if (room.isPaused) this.#startRest();
      else if (!room.isEmpty) this.#poller.schedule();
    }
    if (this.isOpen && this.#counters.received > before) this.events.onBatchEnd?.();
  }

  #startRest(): void {
    if (!this.isOpen) return;
    this.#rest = setTimeout(this.#endRest, REST_MS);
    this.#poll();
  }

  #stopRest(): void {
    clearTimeout(this.#rest ?? undefined);
    this.#rest = null;
  }

  readonly #endRest = (): void => {
    this.#stopRest();
    this.#receiveRoom.isPaused = false;
    this.#poll();
    this.#poller.schedule();
  };
}

/** Opens a socket with offloads. Throws with the codes of `bindFailure`. */
export function openOffloadSocket(libc: Libc, options: OpenUdpSocketOptions): UdpSocket {
  return new OffloadSocket(libc, options);
}

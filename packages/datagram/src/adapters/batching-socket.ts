import { LIMITS } from '@flowring/common';
import type { OpenUdpSocketOptions, UdpAddress, UdpCounters, UdpKind, UdpSocket } from '../datagram.ts';
import { DATAGRAM_MAX_BYTES } from '../datagram.ts';
import type { CachedPeer } from '../core/peer-cache.ts';
import { PeerCache } from '../core/peer-cache.ts';
import { SendBatch } from '../core/send-batch.ts';

/** Datagrams gathered until a flush, bytes: little enough for the cache, and room for some of the largest. */
const OUTGOING_BYTES = 262_144;

/** What both kinds of socket have in common: the batch of datagrams to be sent, and the peers. */
export abstract class BatchingSocket<Key, Peer extends UdpAddress & CachedPeer<Key>> implements UdpSocket {
  abstract readonly kind: UdpKind;
  abstract readonly local: UdpAddress;
  abstract readonly receiveBufferBytes: number;
  abstract readonly sendBufferBytes: number;
  abstract readonly counters: Readonly<UdpCounters>;
  readonly outgoing: Buffer = Buffer.allocUnsafeSlow(OUTGOING_BYTES);
  protected readonly events: OpenUdpSocketOptions;
  protected readonly batch: SendBatch<Peer>;
  protected readonly peers = new PeerCache<Key, Peer>(LIMITS.datagramPeersMax);
  protected isOpen = true;
  /** The kernel has no room; what is in the batch waits for it. */
  protected isBlocked = false;
  #owesWritable = false;

  constructor(events: OpenUdpSocketOptions, nobody: Peer) {
    this.events = events;
    this.batch = new SendBatch(OUTGOING_BYTES, nobody);
  }

  abstract address(host: string, port: number): UdpAddress;
  abstract flush(): void;
  abstract hasNews(): boolean;
  abstract takeIn(): void;
  abstract giveWay(): void;
  abstract resume(): void;
  abstract payloadMaxBytes(to: UdpAddress): number;
  abstract ref(): void;
  abstract unref(): void;
  abstract close(): Promise<void>;

  hold(address: UdpAddress): void {
    this.peers.hold(address as Peer);
  }

  release(address: UdpAddress): void {
    this.peers.release(address as Peer);
  }

  reserve(bytes: number): number {
    if (!this.isOpen || bytes > DATAGRAM_MAX_BYTES) return -1;
    let start = this.batch.reserve(bytes);
    if (start !== -1) return start;
    this.flush();
    start = this.batch.reserve(bytes);
    if (start === -1) this.#owesWritable = true;
    return start;
  }

  commit(to: UdpAddress, bytes: number): void {
    if (this.isOpen && bytes > 0) this.batch.commit(to as Peer, bytes);
  }

  send(to: UdpAddress, bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.reserve(end - start);
    if (at === -1) return false;
    this.outgoing.set(bytes.subarray(start, end), at);
    this.commit(to, end - start);
    return true;
  }

  /** The kernel has room again. */
  protected unblock(): void {
    this.isBlocked = false;
    this.flush();
    if (this.isBlocked || !this.#owesWritable || !this.isOpen) return;
    this.#owesWritable = false;
    this.events.onWritable?.();
  }
}

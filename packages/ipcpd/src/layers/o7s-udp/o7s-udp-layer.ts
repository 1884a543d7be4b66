import { lookup } from 'node:dns/promises';
import { createHash } from 'node:crypto';
import type { CounterGroups, PathParams } from '@flowring/common';
import { ConfigTable, createLogger, serviceOf } from '@flowring/common';
import type { UdpAddress, UdpSocket } from '@flowring/datagram';
import { openUdpSocket } from '@flowring/datagram';
import type { AppFlow } from '../../adapters/app-flow.ts';
import type { Allocator } from '../../core/allocator.ts';
import type { PeerAddress } from '../../core/fa-flow.ts';
import type { FlowBinding } from '../../core/fa-messages.ts';
import type { O7sFamily } from '../../core/o7s/datagram.ts';
import { EID_BYTES, kindOfDatagram, O7S_PORT, PACKET_MAX_BYTES, readEid } from '../../core/o7s/datagram.ts';
import type { Digest } from '../../core/o7s/digest.ts';
import { HashedNames } from '../../core/o7s/name-hash.ts';
import { O7sAllocator } from '../../core/o7s/o7s-allocator.ts';
import { Egress } from '../egress.ts';
import type { Directory, Layer, LayerEvents } from '../layer.ts';
import { EarlyPackets } from './early-packets.ts';
import { familyOf, formatNode, parseNode, readO7sConfig } from './o7s-config.ts';
import { O7sDirectory } from './o7s-directory.ts';
import type { O7sEndHost, O7sUdpCounters } from './o7s-end.ts';
import { O7sEnd } from './o7s-end.ts';
import { PACKET_CRC } from './packet-check.ts';

const log = createLogger('ipcpd:o7s');

/** MPL of C's UDP layer and its R; A is ours: C acknowledges after 10 to 15 ms. */
const TIMERS = { mplMs: 5_000, aMs: 15, rMs: 120_000 };

/**
 * The UDP layer of the O7s C prototype, on the wire and in its directory; docs/spec/o7s-udp.md. Our nodes speak it with
 * each other too.
 */
export class O7sUdpLayer implements Layer, O7sEndHost {
  readonly type = 'o7s-udp';
  readonly counters: O7sUdpCounters = newCounters();
  readonly #names = new HashedNames(digest);
  readonly #early = new EarlyPackets();
  readonly #byEid = new Map<number, O7sEnd>();
  readonly #byApp = new Map<AppFlow, O7sEnd>();
  readonly #egress = new Egress();
  #family: O7sFamily = 'udp4';
  #directory: Directory = NOWHERE;
  #socket: UdpSocket | null = null;
  #events: LayerEvents | null = null;

  //= R-OUDP-39
  get params(): PathParams {
    return { ...TIMERS, mtuBytes: this.packetMaxBytes, wire: 'o7s', congestion: 'cubic' };
  }

  get packetMaxBytes(): number {
    return PACKET_MAX_BYTES[this.#family];
  }

  get directory(): Directory {
    return this.#directory;
  }

  get socket(): UdpSocket {
    return this.#socket!;
  }

  createAllocator(random: () => number): Allocator {
    const path = (): PathParams => this.params;
    return new O7sAllocator({
      get params() {
        return path();
      },
      names: this.#names,
      digest,
      random,
      utcUs: () => Date.now() * 1_000,
    });
  }

  async bootstrap(_layerName: string, given: unknown, events: LayerEvents): Promise<void> {
    const config = readO7sConfig(new ConfigTable(given ?? {}));
    const family = familyOf(config.host);
    // Its packets are larger than a link's, and have no length by which coalesced ones could be told apart.
    const socket = await openUdpSocket({
      host: config.host,
      port: config.port,
      kind: 'plain',
      onReceive: (bytes, start, end, from) => this.#receive(bytes, start, end, from),
      onBatchEnd: () => this.#egress.flush(),
      onWritable: () => this.#egress.unblock(),
      onError: ({ code, peer }) => this.#refused(code, peer),
    });
    this.#family = family;
    this.#socket = socket;
    this.#egress.socket = socket;
    this.#directory = new O7sDirectory({
      config: { ...config, port: config.port === 0 ? O7S_PORT : config.port },
      names: this.#names,
      digest,
      self: formatNode({ host: reachable(config.host), port: socket.local.port }),
      resolve: (host) => resolve(host, family),
      nowMs: () => performance.now(),
    });
    this.#events = events;
  }

  sendPdu(peer: PeerAddress, pdu: Uint8Array): void {
    const to = this.#address(peer);
    if (to === null || !this.socket.send(to, pdu, 0, pdu.length)) return;
    this.#egress.flushSoon();
  }

  bind(binding: FlowBinding, app: AppFlow): void {
    const address = this.#address(binding.peer);
    if (address === null) return;
    const { qos, sEid, flow } = binding;
    const isChecked = serviceOf(qos) === 'raw' && qos.ber === 0;
    const check = isChecked ? PACKET_CRC : null;
    const end = new O7sEnd(this, binding, { app, address, check });
    this.socket.hold(address);
    this.#byEid.set(sEid, end);
    this.#byApp.set(app, end);
    app.toLayer.setSink(end);
    app.onAppWritable = end.onAppWritable;
    for (const packet of this.#early.take(flow, sEid)) end.receive(packet, 0, packet.length);
  }

  ended(app: AppFlow, errno: number): void {
    const end = this.#byApp.get(app);
    if (end === undefined) app.port?.end(errno);
    else end.finish(errno);
  }

  /** An end that waits for room stays until what it wrote has left. */
  unbind(app: AppFlow): void {
    this.#early.forget(app.flow);
    const end = this.#byApp.get(app);
    if (end === undefined) return;
    this.#byApp.delete(app);
    this.#byEid.delete(end.sEid);
    this.#socket?.release(end.address);
  }

  counterGroups(): CounterGroups {
    return { o7sUdp: { ...this.counters }, socket: { ...this.#socket?.counters } };
  }

  close(): void {
    this.#events = null;
    void this.#socket?.close();
    this.#socket = null;
    this.#egress.socket = null;
  }

  sent(end: O7sEnd): void {
    this.#events?.onSent(end.sEid);
    this.#egress.flushSoon();
  }

  blocked({ app }: O7sEnd): void {
    this.#egress.block(app);
  }

  #receive(bytes: Buffer, start: number, end: number, from: UdpAddress): void {
    const kind = kindOfDatagram(bytes, start, end);
    if (kind === 'runt') this.counters.runts += 1;
    else if (kind === 'management')
      this.#events?.onPdu(peerOf(from), new Uint8Array(bytes.subarray(start, end)));
    else this.#receivePacket(bytes, start, end, from);
  }

  //= R-OUDP-37
  #receivePacket(bytes: Buffer, start: number, end: number, from: UdpAddress): void {
    const sEid = readEid(bytes, start);
    const flow = this.#events?.onData(sEid, peerOf(from)) ?? 0;
    if (flow === 0) {
      this.counters.strays += 1;
      return;
    }
    const at = start + EID_BYTES;
    const bound = this.#byEid.get(sEid);
    if (bound !== undefined) bound.receive(bytes, at, end);
    else if (at < end && !this.#early.hold(flow, sEid, bytes.subarray(at, end)))
      this.counters.earlyDropped += 1;
  }

  #refused(code: string, peer: UdpAddress | null): void {
    this.counters.refused += 1;
    log('%s for %s', code, peer === null ? 'somebody' : peerOf(peer));
  }

  #address(peer: PeerAddress): UdpAddress | null {
    const node = parseNode(peer, O7S_PORT);
    return node === null || this.#socket === null ? null : this.#socket.address(node.host, node.port);
  }
}

/** The peer as the allocator knows it; made once per address. */
function peerOf(address: UdpAddress): PeerAddress {
  address.tag ??= formatNode(address);
  return address.tag as PeerAddress;
}

const digest: Digest = (name, bytes) => new Uint8Array(createHash(name).update(bytes).digest());

/** getaddrinfo(3), as C asks it: hosts file, DNS, whatever the system is set up for. */
//= R-OUDP-20
async function resolve(host: string, family: O7sFamily): Promise<string | null> {
  try {
    return (await lookup(host, { family: family === 'udp6' ? 6 : 4 })).address;
  } catch {
    return null;
  }
}

/** An address by which a node bound to `host` reaches itself. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** Before the bootstrap. */
const NOWHERE: Directory = { register: () => undefined, unregister: () => undefined, lookup: () => null };

function newCounters(): O7sUdpCounters {
  return {
    packetsSent: 0,
    packetsReceived: 0,
    runts: 0,
    strays: 0,
    earlyDropped: 0,
    corrupt: 0,
    overrun: 0,
    tooLarge: 0,
    refused: 0,
  };
}

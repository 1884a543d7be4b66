import { crc32 as zlibCrc32 } from 'node:zlib';
import type { ConfigValues, PathParams } from '@flowring/common';
import { createLogger } from '@flowring/common';
import type { UdpAddress, UdpSocket } from '@flowring/datagram';
import { openUdpSocket } from '@flowring/datagram';
import type { AppFlow } from '../../adapters/app-flow.ts';
import type { Allocator } from '../../core/allocator.ts';
import type { FaTraits, PeerAddress } from '../../core/fa-flow.ts';
import type { FlowBinding } from '../../core/fa-messages.ts';
import { FlowAllocator } from '../../core/flow-allocator.ts';
import {
  CHECK_BYTES,
  CONTROL_HEADER_BYTES,
  CONTROL_OVERHEAD_BYTES,
  DATA_OVERHEAD_BYTES,
  FLAG,
  KIND,
  PACKET_MAX_BYTES,
  flagsOf,
  isSound,
  kindOf,
  packetLength,
  seal,
  wordAt4,
  writeHeader,
} from '../../core/udp/packet.ts';
import type { Directory, Layer, LayerEvents } from '../layer.ts';
import { createDirectory } from '../directory/create-directory.ts';
import { StaticDirectory } from '../directory/static-directory.ts';
import type { UdpConfig } from './udp-config.ts';
import { formatEndpoint, parseEndpoint, parseUdpConfig, selfEndpoint } from './udp-config.ts';
import type { UdpFlowHost, UdpLayerCounters } from './udp-flow.ts';
import { UdpFlow } from './udp-flow.ts';
import type { UdpNeighbour } from './udp-neighbour.ts';

const log = createLogger('ipcpd:udp');

/** UDP payload that every path carries, until the path's own is known: RFC 8899 BASE_PLPMTU. */
const MTU_BASE_BYTES = 1_200;
/** Before a round trip was measured. */
const RTO_INITIAL_US = 200_000;

/** The layer of IPCPs that reach each other by UDP. docs/spec/udp-layer.md is its format. */
export class UdpLayer implements Layer, UdpFlowHost {
  readonly type = 'udp';
  readonly #traits: FaTraits = traitsOf(parseUdpConfig({}));
  readonly crc32 = crc32;
  readonly counters: UdpLayerCounters = newCounters();
  readonly #neighbours = new Map<PeerAddress, UdpNeighbour>();
  readonly #byEid = new Map<number, UdpFlow>();
  readonly #byApp = new Map<AppFlow, UdpFlow>();
  readonly #blocked = new Set<UdpFlow>();
  #config: UdpConfig = parseUdpConfig({});
  #directory: Directory = new StaticDirectory('', new Map());
  #socket: UdpSocket | null = null;
  #events: LayerEvents | null = null;
  #flushDue = false;

  get params(): PathParams {
    const { mplMs, aMs, rMs } = this.#config;
    return { mplMs, aMs, rMs, mtuBytes: MTU_BASE_BYTES - DATA_OVERHEAD_BYTES, congestion: 'cubic' };
  }

  get directory(): Directory {
    return this.#directory;
  }

  get socket(): UdpSocket {
    return this.#socket!;
  }

  createAllocator(random: () => number): Allocator {
    return new FlowAllocator({ traits: this.#traits, paramsOf: (peer) => this.#paramsOf(peer), random });
  }

  #paramsOf(peer: PeerAddress): PathParams {
    const neighbour = this.#neighbours.get(peer);
    if (neighbour === undefined) return this.params;
    return { ...this.params, mtuBytes: neighbour.mtuBytes - DATA_OVERHEAD_BYTES };
  }

  async bootstrap(layerName: string, given: ConfigValues, events: LayerEvents): Promise<void> {
    const config = parseUdpConfig(given);
    this.#socket = await openUdpSocket({
      host: config.host,
      port: config.port,
      onReceive: (bytes, start, end, from) => this.#receive(bytes, start, end, from),
      onBatchEnd: () => this.#socket?.flush(),
      onWritable: () => this.#unblock(),
      onError: ({ code, peer }) => log('%s for %s', code, peer === null ? 'somebody' : peer.host),
    });
    this.#config = config;
    this.#directory = createDirectory(config.directory, {
      layerName,
      self: selfEndpoint(config.host, this.#socket.local.port),
      peers: config.peers,
      sendPdu: (peer, pdu) => this.#sendControl(KIND.directory, peer, pdu),
    });
    Object.assign(this.#traits, traitsOf(config));
    this.#events = events;
  }

  sendPdu(peer: PeerAddress, pdu: Uint8Array): void {
    this.#sendControl(KIND.fa, peer, pdu);
  }

  #sendControl(kind: number, peer: PeerAddress, pdu: Uint8Array): void {
    const socket = this.#socket;
    const neighbour = this.#neighbour(peer);
    if (socket === null || neighbour === null) return;
    const length = pdu.length + CONTROL_OVERHEAD_BYTES;
    const at = length > PACKET_MAX_BYTES ? -1 : socket.reserve(length);
    if (at < 0) return;
    const bytes = socket.outgoing;
    neighbour.number = (neighbour.number + 1) >>> 0;
    writeHeader(bytes, at, kind, FLAG.checked, length, neighbour.number);
    bytes.fill(0, at + 8, at + CONTROL_HEADER_BYTES);
    bytes.set(pdu, at + CONTROL_HEADER_BYTES);
    seal(bytes, at, at + length - CHECK_BYTES, crc32);
    socket.commit(neighbour.address, length);
    this.counters.controlSent += 1;
    this.flushSoon();
  }

  bind(binding: FlowBinding, app: AppFlow): void {
    const neighbour = this.#neighbour(binding.peer);
    if (neighbour === null) return;
    const flow = new UdpFlow(this, neighbour, binding, app);
    this.#byEid.set(binding.sEid, flow);
    this.#byApp.set(app, flow);
    app.toLayer.setSink(flow);
  }

  ended(app: AppFlow, errno: number): void {
    app.port?.end(errno);
  }

  unbind(app: AppFlow): void {
    const flow = this.#byApp.get(app);
    if (flow === undefined) return;
    this.#byApp.delete(app);
    this.#byEid.delete(flow.sEid);
    this.#blocked.delete(flow);
  }

  close(): void {
    this.#events = null;
    void this.#directory.close?.();
    void this.#socket?.close();
    this.#socket = null;
  }

  flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    process.nextTick(this.#flush);
  }

  blocked(flow: UdpFlow): void {
    this.#blocked.add(flow);
  }

  readonly #flush = (): void => {
    this.#flushDue = false;
    this.#socket?.flush();
  };

  /** Those that waited longest go first; one that is blocked again goes to the end. */
  #unblock(): void {
    const waiting = [...this.#blocked];
    this.#blocked.clear();
    for (const flow of waiting) flow.app.toLayer.flush();
  }

  #receive(bytes: Buffer, start: number, end: number, from: UdpAddress): void {
    while (start < end) {
      const length = packetLength(bytes, start, end);
      if (length === 0) {
        this.counters.malformed += 1;
        return;
      }
      if (kindOf(bytes, start) === KIND.data) this.#receiveData(bytes, start, start + length, from);
      else this.#receiveControl(bytes, start, start + length, from);
      start += length;
    }
  }

  #receiveData(bytes: Buffer, start: number, end: number, from: UdpAddress): void {
    const flow = this.#byEid.get(wordAt4(bytes, start));
    if (flow === undefined) {
      this.counters.stray += 1;
      return;
    }
    this.#events?.onData(flow.sEid);
    flow.receive(bytes, start, end, flagsOf(bytes, start), from);
  }

  #receiveControl(bytes: Buffer, start: number, end: number, from: UdpAddress): void {
    if (!isSound(bytes, start, end, crc32)) {
      this.counters.corrupt += 1;
      return;
    }
    this.counters.controlReceived += 1;
    const peer = formatEndpoint({ address: from.host, port: from.port });
    const pdu = new Uint8Array(bytes.subarray(start + CONTROL_HEADER_BYTES, end - CHECK_BYTES));
    if (kindOf(bytes, start) === KIND.fa) this.#events?.onPdu(peer, pdu);
    else if (kindOf(bytes, start) === KIND.directory) this.#directory.onPdu?.(peer, pdu);
  }

  #neighbour(name: PeerAddress): UdpNeighbour | null {
    const known = this.#neighbours.get(name);
    if (known !== undefined) return known;
    const endpoint = parseEndpoint(name);
    if (endpoint === null || this.#socket === null) return null;
    const address = this.#socket.address(endpoint.address, endpoint.port);
    this.#socket.hold(address);
    const neighbour = { name, address, mtuBytes: MTU_BASE_BYTES, number: 0 };
    this.#neighbours.set(name, neighbour);
    return neighbour;
  }
}

function traitsOf({ mplMs, aMs, rMs, timeoutMs }: UdpConfig): FaTraits {
  return {
    lossless: false,
    mplUs: mplMs * 1_000,
    quarantineUs: 3 * (mplMs + aMs + rMs) * 1_000,
    rtoInitialUs: RTO_INITIAL_US,
    timeoutMs,
  };
}

/** CRC-32 by zlib, which uses the processor's own carry-less multiplication. */
function crc32(bytes: Uint8Array, start: number, end: number): number {
  return zlibCrc32(bytes.subarray(start, end));
}

function newCounters(): UdpLayerCounters {
  return {
    dataSent: 0,
    dataReceived: 0,
    controlSent: 0,
    controlReceived: 0,
    malformed: 0,
    corrupt: 0,
    stray: 0,
    replayed: 0,
    overrun: 0,
    tooLarge: 0,
  };
}

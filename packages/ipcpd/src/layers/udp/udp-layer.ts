import { crc32, processBusyWait } from '@flowring/channel';
import type { ConfigValues, CounterGroups, PathParams } from '@flowring/common';
import { createLogger } from '@flowring/common';
import type { UdpAddress, UdpError, UdpSocket } from '@flowring/datagram';
import { openUdpSocket } from '@flowring/datagram';
import type { AppFlow } from '../../adapters/app-flow.ts';
import { CoreTimer } from '../../adapters/core-timer.ts';
import { monotonicUs } from '../../adapters/monotonic-clock.ts';
import type { Allocator } from '../../core/allocator.ts';
import type { FaTraits, PeerAddress } from '../../core/fa-flow.ts';
import type { FlowBinding } from '../../core/fa-messages.ts';
import { FlowAllocator } from '../../core/flow-allocator.ts';
import type { Neighbour, NeighbourOutput, PduKind } from '../../core/udp/neighbour.ts';
import { Neighbours } from '../../core/udp/neighbours.ts';
import { DATA_OVERHEAD_BYTES, KIND, flagsOf, kindOf, packetLength, wordAt4 } from '../../core/udp/packet.ts';
import { MTU_BASE_BYTES } from '../../core/udp/path-mtu.ts';
import { decodeTaken } from '../../core/udp/send-window.ts';
import type { Directory, Layer, LayerEvents } from '../layer.ts';
import { createDirectory } from '../directory/create-directory.ts';
import { StaticDirectory } from '../directory/static-directory.ts';
import { Egress } from '../egress.ts';
import type { UdpConfig } from './udp-config.ts';
import { parseUdpConfig, selfEndpoint } from './udp-config.ts';
import type { UdpFlowHost, UdpLayerCounters } from './udp-flow.ts';
import { UdpFlow } from './udp-flow.ts';
import { neighbourOptions } from './udp-host.ts';

const log = createLogger('ipcpd:udp');

/** Before a round trip was measured. */
const RTO_INITIAL_US = 200_000;

/** The layer of IPCPs that reach each other by UDP. docs/spec/udp-layer.md is its format. */
export class UdpLayer implements Layer, UdpFlowHost {
  readonly type = 'udp';
  readonly crc32 = crc32;
  readonly counters: UdpLayerCounters = newCounters();
  readonly #traits: FaTraits = traitsOf(parseUdpConfig({}));
  readonly #byEid = new Map<number, UdpFlow>();
  readonly #byApp = new Map<AppFlow, UdpFlow>();
  readonly #egress = new Egress();
  readonly #timer = new CoreTimer(() => this.#due());
  /** Neighbours whose data was reported in this turn. */
  #heard: Neighbour<UdpAddress> | null = null;
  /** Packets come in runs. */
  #lastFlow: UdpFlow | null = null;
  #config: UdpConfig = parseUdpConfig({});
  #directory: Directory = new StaticDirectory('', new Map());
  #socket: UdpSocket | null = null;
  #neighbours: Neighbours<UdpAddress> | null = null;
  #events: LayerEvents | null = null;

  get params(): PathParams {
    return this.#paramsFor(MTU_BASE_BYTES);
  }

  get directory(): Directory {
    return this.#directory;
  }

  get socket(): UdpSocket {
    return this.#socket!;
  }

  createAllocator(random: () => number): Allocator {
    const paramsOf = (peer: PeerAddress): PathParams =>
      this.#paramsFor(this.#neighbours?.get(peer)?.path.bytes ?? MTU_BASE_BYTES);
    return new FlowAllocator({ traits: this.#traits, paramsOf, random });
  }

  async bootstrap(layerName: string, given: ConfigValues, events: LayerEvents): Promise<void> {
    const config = parseUdpConfig(given);
    const socket = await openUdpSocket({
      host: config.host,
      port: config.port,
      onReceive: (bytes, start, end, from) => this.#receive(bytes, start, end, from),
      onReceiveRun: (bytes, start, end, from, segmentBytes) =>
        this.#receiveRun(bytes, start, end, from, segmentBytes),
      onBatchEnd: () => this.#batchEnd(),
      onWritable: () => this.#egress.unblock(),
      onError: (error) => this.#failed(error),
    });
    this.#socket = socket;
    this.#egress.socket = socket;
    processBusyWait()?.accompany(socket);
    this.#config = config;
    this.#directory = createDirectory(config.directory, {
      layerName,
      self: selfEndpoint(config.host, socket.local.port),
      peers: config.peers,
      sendPdu: (peer, pdu) => this.#sendPdu(peer, KIND.directory, pdu),
    });
    Object.assign(this.#traits, traitsOf(config));
    this.#neighbours = new Neighbours(neighbourOptions(socket, config), monotonicUs());
    this.#events = events;
    for (const peer of config.peers) this.#carryOut(this.#neighbours.contact(peer, monotonicUs()));
  }

  sendPdu(peer: PeerAddress, pdu: Uint8Array): void {
    this.#sendPdu(peer, KIND.fa, pdu);
  }

  #sendPdu(peer: PeerAddress, kind: PduKind, pdu: Uint8Array): void {
    this.#carryOut(this.#neighbours?.send(peer, kind, pdu, monotonicUs()));
  }

  bind(binding: FlowBinding, app: AppFlow): void {
    const neighbour = this.#neighbours?.get(binding.peer);
    if (neighbour === undefined) return;
    const flow = new UdpFlow(this, neighbour, binding, app);
    this.#byEid.set(binding.sEid, flow);
    this.#byApp.set(app, flow);
    app.onAppWritable = flow.onAppWritable;
    app.endsAfterData = true;
    app.toLayer.setSink(flow);
  }

  ended(app: AppFlow, errno: number): void {
    const flow = this.#byApp.get(app);
    if (flow === undefined) app.port?.end(errno);
    else flow.finish(errno);
  }

  unbind(app: AppFlow): void {
    const flow = this.#byApp.get(app);
    if (flow === undefined) return;
    this.#byApp.delete(app);
    this.#byEid.delete(flow.sEid);
    if (this.#lastFlow === flow) this.#lastFlow = null;
    this.#egress.forget(app);
    flow.close();
  }

  counterGroups(): CounterGroups {
    return {
      udp: { ...this.counters },
      neighbours: { ...this.#neighbours?.counters },
      socket: { ...this.#socket?.counters },
    };
  }

  lossOf(app: AppFlow): number | null {
    return this.#byApp.get(app)?.loss ?? null;
  }

  close(): void | Promise<void> {
    this.#events = null;
    this.#timer.close();
    for (const flow of this.#byApp.values()) flow.close();
    if (this.#socket !== null) processBusyWait()?.leave(this.#socket);
    void this.#socket?.close();
    this.#socket = null;
    this.#egress.socket = null;
    this.#neighbours = null;
    return this.#directory.close?.();
  }

  flushSoon(): void {
    this.#egress.flushSoon();
  }

  blocked({ app }: UdpFlow): void {
    this.#egress.block(app);
  }

  tell({ neighbour }: UdpFlow, content: Uint8Array): void {
    this.#sendPdu(neighbour.name, KIND.taken, content);
  }

  used(neighbour: Neighbour<UdpAddress>): void {
    this.#neighbours?.used(neighbour, monotonicUs());
    this.#timer.arm(this.#neighbours?.nextTimeout() ?? null);
  }

  strayed({ neighbour }: UdpFlow, from: UdpAddress, bytes: number): void {
    this.#carryOut(this.#neighbours?.strayed(neighbour, from, bytes, monotonicUs()));
  }

  #batchEnd(): void {
    this.#heard = null;
    this.#socket?.flush();
  }

  #failed({ code, peer, payloadMaxBytes }: UdpError): void {
    if (code !== 'EMSGSIZE' || peer === null || payloadMaxBytes === 0) {
      log('%s for %s', code, peer === null ? 'somebody' : peer.host);
      return;
    }
    this.#carryOut(this.#neighbours?.limited(peer, payloadMaxBytes, monotonicUs()));
  }

  //= R-UDP-01
  #receive(bytes: Buffer, start: number, end: number, from: UdpAddress): void {
    while (start < end) {
      const length = packetLength(bytes, start, end);
      if (length === 0) {
        this.counters.malformed += 1;
        return;
      }
      if (kindOf(bytes, start) === KIND.data) this.#receiveData(bytes, start, start + length, from);
      else {
        this.counters.controlReceived += 1;
        this.#carryOut(this.#neighbours?.receive(bytes, start, start + length, from, monotonicUs()));
      }
      start += length;
    }
  }

  /** The data packets of one flow at its beginning at once, what else there is one by one. */
  #receiveRun(bytes: Buffer, start: number, end: number, from: UdpAddress, segmentBytes: number): void {
    while (start < end) {
      const stop = Math.min(start + segmentBytes, end);
      const flow = packetLength(bytes, start, stop) === segmentBytes ? this.#flowOf(bytes, start) : null;
      const count = flow === null ? 0 : flow.receiveRun(bytes, start, end, from, segmentBytes);
      if (count === 0) this.#receive(bytes, start, stop, from);
      else this.#noteHeard(flow!);
      start = count === 0 ? stop : start + count * segmentBytes;
    }
  }

  /** Whose data packet it is; `null`: nobody's, or no data packet. */
  #flowOf(bytes: Buffer, start: number): UdpFlow | null {
    if (kindOf(bytes, start) !== KIND.data) return null;
    const eid = wordAt4(bytes, start);
    if (this.#lastFlow?.sEid !== eid) this.#lastFlow = this.#byEid.get(eid) ?? null;
    return this.#lastFlow;
  }

  #receiveData(bytes: Buffer, start: number, end: number, from: UdpAddress): void {
    const flow = this.#flowOf(bytes, start);
    if (flow === null) {
      this.counters.stray += 1;
      return;
    }
    if (!flow.receive(bytes, start, end, flagsOf(bytes, start), from)) return;
    this.#noteHeard(flow);
  }

  #noteHeard(flow: UdpFlow): void {
    if (flow.heard && this.#heard === flow.neighbour) return;
    flow.heard = true;
    this.#heard = flow.neighbour;
    this.#events?.onData(flow.sEid);
  }

  #due(): void {
    this.#carryOut(this.#neighbours?.handleTimeout(monotonicUs()));
  }

  #carryOut(outputs: readonly NeighbourOutput<UdpAddress>[] | undefined): void {
    if (outputs === undefined) return;
    for (const output of outputs) {
      if (output.t === 'send') this.#send(output.to, output.packet);
      else if (output.t === 'pdu') this.#takePdu(output.kind, output.peer, output.pdu);
      else if (output.t === 'mtu') this.#mtuChanged(output.neighbour);
      else this.#hold(output);
    }
    this.#timer.arm(this.#neighbours?.nextTimeout() ?? null);
  }

  #takePdu(kind: PduKind, peer: PeerAddress, pdu: Uint8Array): void {
    if (kind === KIND.fa) this.#events?.onPdu(peer, pdu);
    else if (kind === KIND.directory) this.#directory.onPdu?.(peer, pdu);
    else this.#taken(peer, pdu);
  }

  #taken(peer: PeerAddress, pdu: Uint8Array): void {
    const taken = decodeTaken(pdu);
    const flow = taken === null ? undefined : this.#byEid.get(taken.eid);
    if (flow?.neighbour.name === peer) flow.taken(taken!.number);
  }

  /** The address of a neighbour stays the same object as long as it is one. */
  #hold(output: Exclude<NeighbourOutput<UdpAddress>, { t: 'send' | 'pdu' | 'mtu' }>): void {
    const { neighbour } = output;
    if (output.t !== 'forgotten') this.#socket?.hold(neighbour.address);
    if (output.t === 'forgotten') this.#socket?.release(neighbour.address);
    if (output.t === 'moved') this.#socket?.release(output.from);
  }

  //= R-UDP-22
  #mtuChanged(neighbour: Neighbour<UdpAddress>): void {
    log('packets to %s are of at most %d bytes', neighbour.name, neighbour.path.bytes);
    const params = this.#paramsFor(neighbour.path.bytes);
    for (const flow of this.#byApp.values()) {
      if (flow.neighbour === neighbour) this.#events?.onPath(flow.app.flow, params);
    }
  }

  #send(to: UdpAddress, packet: Uint8Array): void {
    if (this.#socket?.send(to, packet, 0, packet.length) !== true) return;
    this.counters.controlSent += 1;
    this.flushSoon();
  }

  #paramsFor(mtuBytes: number): PathParams {
    const { mplMs, aMs, rMs } = this.#config;
    return { mplMs, aMs, rMs, mtuBytes: mtuBytes - DATA_OVERHEAD_BYTES, congestion: 'cubic' };
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

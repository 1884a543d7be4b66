import type { FlowPort, SendOutcome } from '@flowring/channel';
import { LIMITS, serviceOf } from '@flowring/common';
import type { UdpAddress, UdpSocket } from '@flowring/datagram';
import type { AppFlow } from '../../adapters/app-flow.ts';
import { CoreTimer } from '../../adapters/core-timer.ts';
import type { MessageSink } from '../../adapters/forward.ts';
import { forward } from '../../adapters/forward.ts';
import { HeldForApp } from '../../adapters/held-for-app.ts';
import { monotonicUs } from '../../adapters/monotonic-clock.ts';
import type { FlowBinding } from '../../core/fa-messages.ts';
import type { Crc32 } from '../../core/udp/packet.ts';
import {
  CHECK_BYTES,
  DATA_HEADER_BYTES,
  FLAG,
  KIND,
  NUMBER_BYTES,
  dataOverhead,
  flagsOf,
  isSound,
  readU32,
  seal,
  writeHeader,
  writeU32,
} from '../../core/udp/packet.ts';
import { MTU_LEAST_BYTES } from '../../core/udp/path-mtu.ts';
import { SendWindow, TELL_BYTES, TOLD_WITHIN_US, encodeTaken } from '../../core/udp/send-window.ts';
import { ReplayWindow } from '../../core/udp/replay-window.ts';
import type { Neighbour } from '../../core/udp/neighbour.ts';

/** What the flows of a layer share. */
export interface UdpFlowHost {
  readonly socket: UdpSocket;
  readonly crc32: Crc32;
  readonly counters: UdpLayerCounters;
  /** Something was committed: it is to leave at the end of this turn. */
  flushSoon(): void;
  /** The socket had no room: the flow is to try again when it has. */
  blocked(flow: UdpFlow): void;
  /** A large packet goes where none went for a while. */
  used(neighbour: Neighbour<UdpAddress>): void;
  /** Sends what `encodeTaken` made to the flow's neighbour. */
  tell(flow: UdpFlow, content: Uint8Array): void;
  /** A packet for the flow came from an address that is not its neighbour's. */
  strayed(flow: UdpFlow, from: UdpAddress, bytes: number): void;
}

/** Whole numbers that only grow. */
export interface UdpLayerCounters {
  dataSent: number;
  dataReceived: number;
  controlSent: number;
  controlReceived: number;
  /** Not a packet of this version. */
  malformed: number;
  /** The check says that bits were flipped. */
  corrupt: number;
  /** Data for no flow, or from an address that is not the peer's. */
  stray: number;
  /** Came before. */
  replayed: number;
  /** Received, and the application had no room. */
  overrun: number;
  /** Written by an application, and larger than the path carries now. */
  tooLarge: number;
}

/** One flow of the layer: packets of its application leave through it, and come in through it. */
export class UdpFlow implements MessageSink {
  readonly app: AppFlow;
  readonly neighbour: Neighbour<UdpAddress>;
  readonly sEid: number;
  /** A packet of the peer's came in: the allocator knows. */
  heard = false;
  readonly #host: UdpFlowHost;
  readonly #rEid: number;
  readonly #flags: number;
  #number = 0;
  #sendWindow: SendWindow | null = null;
  /** Runs while that is shut. */
  #patience: CoreTimer | null = null;
  #isWaiting = false;
  #window: ReplayWindow | null = null;
  /** Taken in since it was told. */
  #untoldBytes = 0;
  /** Messages the application had no room for; made when there is one. */
  #held: HeldForApp | null = null;

  constructor(host: UdpFlowHost, neighbour: Neighbour<UdpAddress>, binding: FlowBinding, app: AppFlow) {
    this.#host = host;
    this.neighbour = neighbour;
    this.app = app;
    this.sEid = binding.sEid;
    this.#rEid = binding.rEid;
    this.#flags = flagsFor(binding);
  }

  /** Share of the peer's packets that did not arrive: the flow's own where they are numbered, else the neighbour's. */
  get loss(): number | null {
    return this.#window?.loss ?? this.neighbour.window?.loss ?? null;
  }

  trySend(message: Uint8Array): SendOutcome {
    const at = this.#reserve(message.length);
    if (at < 0) return 'would-block';
    this.#host.socket.outgoing.set(message, at);
    return this.#commit(at, message.length);
  }

  trySendWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): SendOutcome {
    if (maxBytes + dataOverhead(this.#flags) > this.neighbour.path.bytes) {
      this.#host.counters.tooLarge += 1;
      return 'too-large';
    }
    const at = this.#reserve(maxBytes);
    if (at < 0) return 'would-block';
    return this.#commit(at, fill(this.#host.socket.outgoing, at));
  }

  /** As of a channel's port; 0 where packets carry a check. */
  trySendRun(from: Buffer, start: number, strideBytes: number, messageBytes: number, count: number): number {
    const packetBytes = messageBytes + dataOverhead(this.#flags);
    if (this.#flags !== FLAG.numbered || packetBytes > this.neighbour.path.bytes) return 0;
    const { outgoing } = this.#host.socket;
    const { buffer, byteOffset } = from;
    let source = byteOffset + start;
    for (let sent = 0; sent < count; sent++, source += strideBytes) {
      const at = this.#reserve(messageBytes);
      if (at < 0) return sent;
      Uint8Array.prototype.set.call(outgoing, new Uint8Array(buffer, source, messageBytes), at);
      this.#commit(at, messageBytes);
    }
    return count;
  }

  /** The application's end travels as an FA PDU. */
  end(): void {}

  /** A data packet for this flow's EID, header included. True: the peer's, and new. */
  receive(bytes: Buffer, start: number, end: number, flags: number, from: UdpAddress): boolean {
    const { counters, crc32 } = this.#host;
    if (flags !== this.#flags) {
      counters.stray += 1;
      return false;
    }
    if (from !== this.neighbour.address) {
      counters.stray += 1;
      this.#host.strayed(this, from, end - start);
      return false;
    }
    if ((flags & FLAG.checked) !== 0) {
      if (!isSound(bytes, start, end, crc32)) {
        counters.corrupt += 1;
        return false;
      }
      end -= CHECK_BYTES;
    }
    let at = start + DATA_HEADER_BYTES;
    if ((flags & FLAG.numbered) !== 0) {
      const number = readU32(bytes, at);
      at += NUMBER_BYTES;
      if (!(this.#window ??= new ReplayWindow(1)).take(number)) {
        counters.replayed += 1;
        return false;
      }
      this.#untoldBytes += end - start;
    }
    counters.dataReceived += 1;
    this.#deliver(bytes, at, end);
    this.#tellIfDue();
    return true;
  }

  /** The peer has taken the packets up to this number. */
  taken(number: number): void {
    if (this.#sendWindow?.taken(number) === true) this.#open();
  }

  /** It sends nothing more that waits. */
  close(): void {
    this.#patience?.close();
  }

  /** The peer's half is over: the application gets its end after all that came. */
  finish(errno: number): void {
    if (this.#isHolding) this.#held!.finish(errno);
    else this.app.port?.end(errno);
  }

  /** The application has room again. */
  readonly onAppWritable = (): void => {
    if (!this.#isHolding) return;
    this.#held!.flush();
    if (this.#isHolding) return;
    this.#host.socket.resume();
    this.#tellIfDue();
  };

  get #isHolding(): boolean {
    return this.#held !== null && !this.#held.isEmpty;
  }

  /**
   * Packets of `segmentBytes` each, the first of which is one, up to the first that is not like it or came before. How
   * many; 0: they are to be received one by one.
   */
  receiveRun(bytes: Buffer, start: number, end: number, from: UdpAddress, segmentBytes: number): number {
    const { port } = this.app;
    if (this.#flags !== FLAG.numbered || flagsOf(bytes, start) !== FLAG.numbered) return 0;
    if (from !== this.neighbour.address || port === null || this.#isHolding) return 0;
    const window = (this.#window ??= new ReplayWindow(1));
    let at = start;
    for (; at + segmentBytes <= end; at += segmentBytes) {
      if (!hasSameHeader(bytes, start, at) || !window.take(readU32(bytes, at + DATA_HEADER_BYTES))) break;
    }
    const count = (at - start) / segmentBytes;
    if (count === 0) return 0;
    this.#host.counters.dataReceived += count;
    this.#untoldBytes += at - start;
    const head = DATA_HEADER_BYTES + NUMBER_BYTES;
    const sent = port.trySendRun(bytes, start + head, segmentBytes, segmentBytes - head, count);
    for (let next = start + sent * segmentBytes; next < at; next += segmentBytes)
      this.#deliver(bytes, next + head, next + segmentBytes);
    this.#tellIfDue();
    return count;
  }

  /** Not before the application had room for it. */
  #tellIfDue(): void {
    if (this.#untoldBytes < TELL_BYTES || this.#isHolding) return;
    this.#untoldBytes = 0;
    this.#host.tell(this, encodeTaken(this.#rEid, this.#window!.newest));
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#patience ??= new CoreTimer(() => this.#giveUp());
    this.#patience.arm(monotonicUs() + TOLD_WITHIN_US);
  }

  #open(): void {
    this.#isWaiting = false;
    this.#patience?.arm(null);
    this.app.toLayer.flush();
  }

  #giveUp(): void {
    this.#sendWindow!.giveUp();
    this.#open();
  }

  #deliver(bytes: Buffer, start: number, end: number): void {
    const { port } = this.app;
    if (port === null) return;
    if (this.#isHolding || forward(port, bytes, start, end) === 'would-block')
      this.#hold(port, bytes, start, end);
  }

  /** What the application has no room for waits, up to what a peer may have under way anyhow. */
  #hold(port: FlowPort, bytes: Buffer, start: number, end: number): void {
    this.#held ??= new HeldForApp(port, LIMITS.pathWindowBytes);
    if (!this.#held.push(bytes, start, end)) {
      this.#host.counters.overrun += 1;
      return;
    }
    this.#host.socket.giveWay();
  }

  #reserve(messageBytes: number): number {
    const { socket } = this.#host;
    if (this.#sendWindow?.isOpen === false) {
      this.#wait();
      return -1;
    }
    const at = socket.reserve(messageBytes + dataOverhead(this.#flags));
    if (at < 0) {
      this.#host.blocked(this);
      return -1;
    }
    return at + ((this.#flags & FLAG.numbered) !== 0 ? DATA_HEADER_BYTES + NUMBER_BYTES : DATA_HEADER_BYTES);
  }

  /** The message of so many bytes lies at `at`: its header goes before it, its check behind it. */
  #commit(at: number, messageBytes: number): SendOutcome {
    const host = this.#host;
    const flags = this.#flags;
    const bytes = host.socket.outgoing;
    const length = messageBytes + dataOverhead(flags);
    let start = at - DATA_HEADER_BYTES;
    if ((flags & FLAG.numbered) !== 0) {
      start -= NUMBER_BYTES;
      this.#number = (this.#number + 1) >>> 0;
      writeU32(bytes, at - NUMBER_BYTES, this.#number);
      (this.#sendWindow ??= new SendWindow()).sent(this.#number, length);
    }
    writeHeader(bytes, start, KIND.data, flags, length, this.#rEid);
    if ((flags & FLAG.checked) !== 0) seal(bytes, start, start + length - CHECK_BYTES, host.crc32);
    const { neighbour } = this;
    if (length > LARGE_BYTES && !neighbour.path.inUse) host.used(neighbour);
    host.socket.commit(neighbour.address, length);
    host.counters.dataSent += 1;
    host.flushSoon();
    return 'sent';
  }
}

/**
 * FRCP tells copies apart and checks what it carries, from program to program. Without it both are the layer's: no
 * message is delivered twice, and none with flipped bits where the QoS tolerates none.
 */
//= R-UDP-04
function flagsFor({ qos }: FlowBinding): number {
  if (serviceOf(qos) !== 'raw') return 0;
  return FLAG.numbered | (qos.ber === 0 ? FLAG.checked : 0);
}

/** Of two data packets: of one flow, and of one length. */
function hasSameHeader(bytes: Uint8Array, one: number, other: number): boolean {
  return (
    readU32(bytes, one) === readU32(bytes, other) && readU32(bytes, one + 4) === readU32(bytes, other + 4)
  );
}

/** Packets above this are a reason to verify that the path still carries large ones. */
const LARGE_BYTES = MTU_LEAST_BYTES;

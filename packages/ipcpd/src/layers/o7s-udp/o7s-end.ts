import type { FlowPort, SendOutcome } from '@flowring/channel';
import { LIMITS } from '@flowring/common';
import type { UdpAddress, UdpSocket } from '@flowring/datagram';
import type { AppFlow } from '../../adapters/app-flow.ts';
import type { MessageSink } from '../../adapters/forward.ts';
import { forward } from '../../adapters/forward.ts';
import { HeldForApp } from '../../adapters/held-for-app.ts';
import type { PeerAddress } from '../../core/fa-flow.ts';
import type { FlowBinding } from '../../core/fa-messages.ts';
import { EID_BYTES, writeEid } from '../../core/o7s/datagram.ts';
import type { PacketCheck } from './packet-check.ts';

/** What the flows of a layer share. */
export interface O7sEndHost {
  readonly socket: UdpSocket;
  readonly counters: O7sUdpCounters;
  /** Largest packet behind an EID, bytes. */
  readonly packetMaxBytes: number;
  /** A packet of this flow was committed: it is to leave at the end of this turn. */
  sent(end: O7sEnd): void;
  /** The socket had no room: the flow is to try again when it has. */
  blocked(end: O7sEnd): void;
}

/** Whole numbers that only grow. */
export interface O7sUdpCounters {
  packetsSent: number;
  packetsReceived: number;
  /** Too short for an EID. */
  runts: number;
  /** For no EID of ours, or not from its flow's peer. */
  strays: number;
  /** Came before their flow's reply, and there was no room to hold them. */
  earlyDropped: number;
  /** Of a raw flow that asks for a checksum, with a wrong one. */
  corrupt: number;
  /** Received, and the application had no room. */
  overrun: number;
  /** Written by an application, and larger than a C peer takes. */
  tooLarge: number;
  /** The network or the system refused a datagram. */
  refused: number;
}

/** One flow of the layer: the application's packets leave behind the peer's EID, the peer's come in here. */
export class O7sEnd implements MessageSink {
  readonly app: AppFlow;
  readonly sEid: number;
  readonly peer: PeerAddress;
  readonly address: UdpAddress;
  readonly #rEid: number;
  readonly #host: O7sEndHost;
  readonly #check: PacketCheck | null;
  /** Made when the application has no room. */
  #held: HeldForApp | null = null;

  constructor(
    host: O7sEndHost,
    binding: FlowBinding,
    to: { readonly app: AppFlow; readonly address: UdpAddress; readonly check: PacketCheck | null },
  ) {
    this.#host = host;
    this.sEid = binding.sEid;
    this.#rEid = binding.rEid;
    this.peer = binding.peer;
    this.app = to.app;
    this.address = to.address;
    this.#check = to.check;
  }

  trySend(message: Uint8Array): SendOutcome {
    const at = this.#reserve(message.length);
    if (at < 0) return this.#refusal(at);
    this.#host.socket.outgoing.set(message, at + EID_BYTES);
    return this.#commit(at, message.length);
  }

  trySendWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): SendOutcome {
    const at = this.#reserve(maxBytes);
    if (at < 0) return this.#refusal(at);
    return this.#commit(at, fill(this.#host.socket.outgoing, at + EID_BYTES));
  }

  /** Nothing on the wire says so. */
  //= R-OUDP-41
  end(): void {}

  /** A packet of the peer's, EID taken off. An empty one is a keepalive and no message. */
  receive(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    const { counters } = this.#host;
    if (this.#check !== null) {
      end = this.#check.open(bytes, start, end);
      if (end < 0) {
        counters.corrupt += 1;
        return;
      }
    }
    counters.packetsReceived += 1;
    const { port } = this.app;
    if (port !== null && !this.#deliver(port, bytes, start, end)) counters.overrun += 1;
  }

  /** The application has room again. */
  readonly onAppWritable = (): void => this.#held?.flush();

  /** The peer is silent: the application gets its end after all that came. */
  finish(errno: number): void {
    if (this.#held === null) this.app.port?.end(errno);
    else this.#held.finish(errno);
  }

  //= R-OUDP-37
  #deliver(port: FlowPort, bytes: Buffer, start: number, end: number): boolean {
    if (this.#held === null && forward(port, bytes, start, end) !== 'would-block') return true;
    this.#held ??= new HeldForApp(port, LIMITS.flowWindowBytes);
    return this.#held.push(bytes, start, end);
  }

  #reserve(messageBytes: number): number {
    const bytes = messageBytes + (this.#check === null ? 0 : this.#check.bytes);
    if (bytes > this.#host.packetMaxBytes) return TOO_LARGE;
    const at = this.#host.socket.reserve(EID_BYTES + bytes);
    return at < 0 ? NO_ROOM : at;
  }

  #refusal(why: number): SendOutcome {
    if (why === TOO_LARGE) {
      this.#host.counters.tooLarge += 1;
      return 'too-large';
    }
    this.#host.blocked(this);
    return 'would-block';
  }

  #commit(at: number, messageBytes: number): SendOutcome {
    const { socket, counters } = this.#host;
    writeEid(socket.outgoing, at, this.#rEid);
    let end = at + EID_BYTES + messageBytes;
    if (this.#check !== null && messageBytes > 0)
      end = this.#check.seal(socket.outgoing, at + EID_BYTES, end);
    socket.commit(this.address, end - at);
    counters.packetsSent += 1;
    this.#host.sent(this);
    return 'sent';
  }
}

const TOO_LARGE = -2;
const NO_ROOM = -1;

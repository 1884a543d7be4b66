import type {
  Channel,
  ChannelDownReason,
  FlowPort,
  FlowReceiver,
  OpenChannelOptions,
  SendOutcome,
} from '@flowring/channel';
import { newChannelStats } from '@flowring/channel';
import type { FlowId } from '@flowring/common';
import { errnoOf, LIMITS } from '@flowring/common';
import type { RuntimeClock } from '../clock.ts';

/** How the simulated path behaves. */
export interface PathModel {
  readonly clock: RuntimeClock;
  readonly latencyUs: number;
  /** Whether the next message is lost. End records are not. */
  loses(): boolean;
}

type Delivery =
  | { readonly type: 'message'; readonly flow: FlowId; readonly bytes: Buffer }
  | { readonly type: 'end'; readonly flow: FlowId; readonly errno: number }
  | { readonly type: 'credit'; readonly flow: FlowId; readonly bytes: number }
  | { readonly type: 'close'; readonly errno: number; readonly reason: ChannelDownReason };

/** What one record costs beyond its bytes, so that empty messages use credit too. */
const RECORD_BYTES = 16;

/** One end of a channel in memory: credit, order and end records as on the real ones, with latency and loss. */
export class SimulatedChannel implements Channel {
  readonly id: number;
  readonly kind = 'shm';
  readonly stats = newChannelStats();
  readonly #path: PathModel;
  readonly #events: OpenChannelOptions['events'];
  readonly #ports = new Map<FlowId, SimulatedPort>();
  readonly #early = new Map<FlowId, Delivery[]>();
  readonly #detached = new Set<FlowId>();
  #peer: SimulatedChannel | null = null;
  #up = true;
  #turn: Delivery[] = [];

  constructor(path: PathModel, { spec, events }: OpenChannelOptions) {
    this.#path = path;
    this.#events = events;
    this.id = spec.id;
  }

  /** Joins two ends. What was sent before waits in the path. */
  static join(a: SimulatedChannel, b: SimulatedChannel): void {
    a.#peer = b;
    b.#peer = a;
    for (const end of [a, b]) {
      end.#path.clock.afterInput(() => {
        if (!end.#up) return;
        end.#events.onUp();
        for (const port of [...end.#ports.values()]) port.wake();
      });
    }
  }

  get isUp(): boolean {
    return this.#up;
  }

  get isJoined(): boolean {
    return this.#peer !== null;
  }

  get flowCount(): number {
    return this.#ports.size;
  }

  attach(flow: FlowId, receiver: FlowReceiver): FlowPort {
    const port = new SimulatedPort(this, flow, receiver);
    this.#ports.set(flow, port);
    const early = this.#early.get(flow);
    this.#early.delete(flow);
    if (early !== undefined)
      this.#path.clock.afterInput(() => {
        for (const delivery of early) this.#deliver(delivery);
      });
    if (!this.#up)
      this.#path.clock.afterInput(() => {
        port.down(errnoOf('FLOWRING_FLOW_DOWN'));
      });
    return port;
  }

  discard(flow: FlowId): void {
    this.#early.delete(flow);
    this.#detached.add(flow);
  }

  peerGone(): void {
    // Behind what is still under way.
    this.#path.clock.after(this.#path.latencyUs, () => {
      this.#down('peer-died', errnoOf('FLOWRING_PEER_GONE'));
    });
  }

  close(errno = errnoOf('FLOWRING_FLOW_DOWN')): void {
    if (!this.#up) return;
    this.send({ type: 'close', errno, reason: 'peer-closed' });
    this.#down('closed', errno);
  }

  /** The process is dead: nothing is called any more, and the peer hears it from the monitor. */
  vanish(): void {
    this.#up = false;
    this.#ports.clear();
    this.#peer?.peerGone();
  }

  send(delivery: Delivery): void {
    if (!this.#up || this.#peer === null) return;
    const peer = this.#peer;
    if (delivery.type === 'message') {
      this.stats.messagesSent++;
      this.stats.bytesSent += delivery.bytes.length;
      if (this.#path.loses()) {
        this.#refund(delivery);
        return;
      }
    }
    this.#path.clock.after(this.#path.latencyUs, () => {
      peer.#receive(delivery);
    });
  }

  /** A lost message holds no credit, as a datagram does not. */
  #refund({ flow, bytes }: { readonly flow: FlowId; readonly bytes: Buffer }): void {
    this.#path.clock.after(this.#path.latencyUs, () =>
      this.#ports.get(flow)?.credit(bytes.length + RECORD_BYTES),
    );
  }

  detached(flow: FlowId): void {
    this.#ports.delete(flow);
    this.#detached.add(flow);
  }

  get canSend(): boolean {
    return this.#up && this.#peer !== null;
  }

  #receive(delivery: Delivery): void {
    if (!this.#up) return;
    if (this.#turn.push(delivery) > 1) return;
    this.#path.clock.afterInput(() => {
      const turn = this.#turn;
      this.#turn = [];
      for (const one of turn) this.#deliver(one);
    });
  }

  #deliver(delivery: Delivery): void {
    if (!this.#up) return;
    if (delivery.type === 'close') {
      this.#down(delivery.reason, delivery.errno);
      return;
    }
    const port = this.#ports.get(delivery.flow);
    if (port !== undefined) {
      if (delivery.type === 'message') {
        this.stats.messagesReceived++;
        this.stats.bytesReceived += delivery.bytes.length;
      }
      port.deliver(delivery);
      return;
    }
    if (delivery.type === 'credit' || this.#detached.has(delivery.flow)) return;
    const early = this.#early.get(delivery.flow);
    if (early === undefined) this.#early.set(delivery.flow, [delivery]);
    else early.push(delivery);
  }

  #down(reason: ChannelDownReason, errno: number): void {
    if (!this.#up) return;
    for (const port of [...this.#ports.values()]) port.down(errno);
    this.#up = false;
    this.#early.clear();
    this.#events.onDown(reason);
  }
}

class SimulatedPort implements FlowPort {
  readonly flow: FlowId;
  readonly #channel: SimulatedChannel;
  readonly #receiver: FlowReceiver;
  #inFlight = 0;
  #blocked = false;
  #ended = false;
  #peerEnded = false;
  #detached = false;

  constructor(channel: SimulatedChannel, flow: FlowId, receiver: FlowReceiver) {
    this.#channel = channel;
    this.flow = flow;
    this.#receiver = receiver;
  }

  get inFlightBytes(): number {
    return this.#inFlight;
  }

  trySend(message: Uint8Array): SendOutcome {
    if (message.length > LIMITS.sduMaxBytes) return 'too-large';
    if (this.#ended || this.#peerEnded || this.#detached || !this.#channel.isUp) return 'closed';
    // One message larger than the window passes when nothing else is under way.
    const bytes = message.length + RECORD_BYTES;
    if (!this.#channel.canSend || (this.#inFlight > 0 && this.#inFlight + bytes > LIMITS.flowWindowBytes)) {
      this.#blocked = true;
      return 'would-block';
    }
    this.#inFlight += bytes;
    this.#channel.send({ type: 'message', flow: this.flow, bytes: Buffer.from(message) });
    return 'sent';
  }

  trySendWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): SendOutcome {
    if (this.#ended || this.#peerEnded || this.#detached || !this.#channel.isUp) return 'closed';
    const room = LIMITS.flowWindowBytes - this.#inFlight;
    if (!this.#channel.canSend || (this.#inFlight > 0 && maxBytes + RECORD_BYTES > room)) {
      this.#blocked = true;
      return 'would-block';
    }
    const scratch = Buffer.allocUnsafe(maxBytes);
    const bytes = fill(scratch, 0);
    return bytes === 0 ? 'sent' : this.trySend(scratch.subarray(0, bytes));
  }

  trySendRun(bytes: Buffer, start: number, strideBytes: number, messageBytes: number, count: number): number {
    for (let sent = 0, at = start; sent < count; sent++, at += strideBytes)
      if (this.trySend(bytes.subarray(at, at + messageBytes)) === 'would-block') return sent;
    return count;
  }

  consumed(messageBytes: number): void {
    this.#channel.send({ type: 'credit', flow: this.flow, bytes: messageBytes + RECORD_BYTES });
  }

  end(errno: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#channel.send({ type: 'end', flow: this.flow, errno });
  }

  detach(): void {
    this.#detached = true;
    this.#channel.detached(this.flow);
  }

  credit(bytes: number): void {
    this.#inFlight -= bytes;
    this.wake();
  }

  wake(): void {
    if (!this.#blocked || this.#detached) return;
    this.#blocked = false;
    this.#receiver.onWritable();
  }

  deliver(delivery: Exclude<Delivery, { type: 'close' }>): void {
    if (this.#detached) return;
    if (delivery.type === 'message') {
      if (!this.#peerEnded)
        this.#receiver.onMessage(delivery.bytes, 0, delivery.bytes.length, { isKept: true, claims: 0 });
    } else if (delivery.type === 'credit') this.credit(delivery.bytes);
    else this.down(delivery.errno);
  }

  down(errno: number): void {
    if (this.#peerEnded || this.#detached) return;
    this.#peerEnded = true;
    this.#receiver.onEnd(errno);
  }
}

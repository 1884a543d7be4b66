import type { AttachOptions, Channel, FlowPort, FlowReceiver, SendOutcome } from '@flowring/channel';
import { newChannelStats } from '@flowring/channel';
import type { ControlMessage, ControlType, ErrorCode } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import { Ipcp } from '../src/adapters/ipcp.ts';
import { LocalLayer } from '../src/layers/local.ts';

/** What an application and its channel look like to the IPCP, one flow. */
class FakePort implements FlowPort {
  readonly flow: number;
  readonly receiver: FlowReceiver;
  readonly delivered: string[] = [];
  ended: number | undefined;
  paused = false;
  detached = false;
  /** Bytes the application wrote whose credit has not come back. */
  unreturned = 0;
  readonly inFlightBytes = 0;

  constructor(flow: number, receiver: FlowReceiver) {
    this.flow = flow;
    this.receiver = receiver;
  }

  trySend(message: Uint8Array): SendOutcome {
    if (this.detached || this.ended !== undefined) return 'closed';
    if (this.paused) return 'would-block';
    this.delivered.push(Buffer.from(message).toString());
    return 'sent';
  }

  trySendWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): SendOutcome {
    if (this.detached || this.ended !== undefined) return 'closed';
    if (this.paused) return 'would-block';
    const target = new Uint8Array(maxBytes + 3);
    const written = fill(target, 3);
    if (written > 0) this.delivered.push(Buffer.from(target.subarray(3, 3 + written)).toString());
    return 'sent';
  }

  trySendRun(): number {
    return 0;
  }

  consumed(bytes: number): void {
    this.unreturned -= bytes;
  }

  end(errno: number): void {
    this.ended ??= errno;
  }

  detach(): void {
    this.detached = true;
  }
}

/** An application with its channel to the IPCP. */
export class FakeApp implements Channel {
  readonly id: number;
  readonly kind = 'unix';
  readonly isUp = true;
  readonly ports = new Map<number, FakePort>();
  readonly stats = newChannelStats();

  constructor(id: number) {
    this.id = id;
  }

  get flowCount(): number {
    return this.ports.size;
  }

  attach(flow: number, receiver: FlowReceiver, _options?: AttachOptions): FlowPort {
    const port = new FakePort(flow, receiver);
    this.ports.set(flow, port);
    return port;
  }

  discard(): void {}

  peerGone(): void {}

  close(errno = 0): void {
    for (const port of this.ports.values()) port.end(errno);
  }

  write(flow: number, text: string): void {
    const slab = Buffer.from(text);
    this.writeSlab(flow, slab, 0, slab.length);
  }

  writeSlab(flow: number, slab: Buffer, start: number, end: number): void {
    const port = this.ports.get(flow)!;
    port.unreturned += end - start;
    port.receiver.onMessage(slab, start, end, { isKept: false, claims: 0 });
  }

  end(flow: number, errno: number): void {
    this.ports.get(flow)?.receiver.onEnd(errno);
  }

  pause(flow: number): void {
    this.ports.get(flow)!.paused = true;
  }

  resume(flow: number): void {
    const port = this.ports.get(flow)!;
    port.paused = false;
    port.receiver.onWritable();
  }

  received(flow: number): readonly string[] {
    return this.ports.get(flow)!.delivered;
  }

  endOf(flow: number): number | undefined {
    return this.ports.get(flow)!.ended;
  }

  unreturned(flow: number): number {
    return this.ports.get(flow)!.unreturned;
  }
}

const CLIENT_CHANNEL = 10;
const SERVER_CHANNEL = 20;

/** A local IPCP with one client and one server application, and this test in the place of the IRMd. */
export class LocalWorld {
  readonly client = new FakeApp(CLIENT_CHANNEL);
  readonly server = new FakeApp(SERVER_CHANNEL);
  readonly messages: ControlMessage[] = [];
  idle = 0;
  readonly ipcp: Ipcp;

  constructor(options: { readonly bootstrap?: boolean } = {}) {
    this.ipcp = new Ipcp({
      layer: new LocalLayer(),
      openChannel: ({ spec }) => (spec.id === CLIENT_CHANNEL ? this.client : this.server),
      send: (message) => this.messages.push(message) > 0,
      onIdle: () => void (this.idle += 1),
    });
    if (options.bootstrap ?? true) this.ipcp.handle({ t: 'ipcp-bootstrap', req: 1, layer: 'here' });
  }

  /** Messages of one type the IRMd got so far. */
  told<T extends ControlType>(type: T): ControlMessage<T>[] {
    return this.messages.filter((message) => message.t === type) as unknown as ControlMessage<T>[];
  }

  tables(): Readonly<Record<string, number>> {
    return this.ipcp.allocator.inspect();
  }

  register(name: string): void {
    this.ipcp.handle({ t: 'ipcp-register', req: 2, name });
  }

  unregister(name: string): void {
    this.ipcp.handle({ t: 'ipcp-unregister', req: 3, name });
  }

  alloc(flow: number, name: string, data?: Uint8Array): void {
    this.ipcp.handle({
      t: 'ipcp-alloc',
      flow,
      name,
      qos: qosCubes.raw,
      timeoutMs: 5_000,
      channel: CLIENT_CHANNEL,
      open: spec(CLIENT_CHANNEL),
      ...(data === undefined ? {} : { data }),
    });
  }

  accept(flow: number, data?: Uint8Array): void {
    this.ipcp.handle({
      t: 'ipcp-accept',
      incoming: this.#lastIncoming(),
      flow,
      channel: SERVER_CHANNEL,
      open: spec(SERVER_CHANNEL),
      ...(data === undefined ? {} : { data }),
    });
  }

  acceptOnUnknownChannel(flow: number): void {
    this.ipcp.handle({ t: 'ipcp-accept', incoming: this.#lastIncoming(), flow, channel: 99 });
  }

  refuse(code: ErrorCode): void {
    this.ipcp.handle({ t: 'ipcp-refuse', incoming: this.#lastIncoming(), code });
  }

  close(): void {
    this.ipcp.close();
  }

  #lastIncoming(): number {
    return this.told('ipcp-incoming').at(-1)!.incoming;
  }
}

function spec(id: number): NonNullable<ControlMessage<'ipcp-alloc'>['open']> {
  return { id, kind: 'unix', side: 'a', path: '/unused', ringBytes: 4_096, token: '' };
}

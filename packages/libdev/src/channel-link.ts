import type { Channel, ChannelDownReason, ChannelEvents, FlowReceiver } from '@flowring/channel';
import type { ChannelSpec, ControlMessage, FlowId, PathParams, PeerInfo } from '@flowring/common';
import { errnoOf, LIMITS, serviceOf } from '@flowring/common';
import type { FrcpParams } from '@flowring/frcp';
import { O7S_WIRE, resolveParams } from '@flowring/frcp';
import type { RuntimeClock } from './clock.ts';
import type { Environment } from './environment.ts';
import type { BaseFlow } from './flow-base.ts';
import type { FlowSeed } from './flow-host.ts';
import type { FrcpDriver } from './frcp-driver.ts';
import type { FrcpHost } from './frcp-flow.ts';
import { FrcpFlow } from './frcp-flow.ts';
import type { LeaseDesk } from './lease-desk.ts';
import { messageView } from './message-view.ts';
import { RawFlow } from './raw-flow.ts';

/** Largest PDU where the path would carry more: large enough that its cost is in the bytes. */
const PDU_MAX_BYTES = 65_536;

/** What the links of a runtime share. */
export interface LinkServices {
  readonly env: Environment;
  readonly driver: FrcpDriver;
  compactLater(flow: BaseFlow): void;
}

/** The session a link belongs to. */
export interface LinkOwner {
  readonly services: LinkServices;
  send(message: ControlMessage): boolean;
  /** Our half of a flow is free. */
  flowReleased(id: FlowId): void;
  linkDown(link: ChannelLink): void;
}

/** One channel of this process, and what its flows share. */
export class ChannelLink implements FrcpHost, ChannelEvents {
  readonly clock: RuntimeClock;
  readonly channel: Channel;
  readonly driver: FrcpDriver;
  readonly #owner: LinkOwner;
  peer: PeerInfo = REMOTE_PEER;
  /** Where flows are opened without the IRMd; made with the channel's first lease. */
  desk: LeaseDesk | null = null;
  #path: PathParams = UNKNOWN_PATH;
  /** Flows whose path may change while they live. */
  readonly #remote = new Map<FlowId, BaseFlow>();
  #lastParams: { readonly key: string; readonly params: FrcpParams } | undefined;

  constructor(owner: LinkOwner, spec: ChannelSpec) {
    this.#owner = owner;
    this.clock = owner.services.env.clock;
    this.driver = owner.services.driver;
    this.channel = owner.services.env.openChannel({ spec, events: this });
  }

  /** No flow of a program is on it. */
  get isIdle(): boolean {
    return this.channel.flowCount === (this.desk === null ? 0 : 1);
  }

  get isToOtherHost(): boolean {
    return this.peer.pid === 0;
  }

  /** Takes what a message says of the channel's other end and path, which counts until one says otherwise. */
  learn(peer: PeerInfo | undefined, path: PathParams | undefined): void {
    if (peer !== undefined && !isSamePeer(peer, this.peer)) this.peer = peer;
    if (path !== undefined) this.#path = path;
  }

  /** A flow of this channel, attached. */
  join(seed: FlowSeed): BaseFlow {
    const flow = this.#create(seed, this.#path);
    flow.attached(this.channel.attach(seed.id, flow));
    if (this.isToOtherHost) this.#remote.set(seed.id, flow);
    return flow;
  }

  /** The path of a flow carries more or less than it did. */
  pathChanged(id: FlowId, path: PathParams): void {
    this.#remote.get(id)?.pathChanged(Math.min(path.mtuBytes, PDU_MAX_BYTES));
  }

  /** Ends a flow that nobody wants any more, for both ends. */
  turnAway(id: FlowId): void {
    const port = this.channel.attach(id, DEAF);
    port.end(errnoOf('FLOWRING_FLOW_DOWN'));
    port.detach();
  }

  holdsSlabs(flow: BaseFlow): void {
    this.#owner.services.compactLater(flow);
  }

  released(id: FlowId): void {
    this.#remote.delete(id);
    this.#owner.flowReleased(id);
  }

  onUp(): void {
    this.#owner.send({ t: 'channel-up', channel: this.channel.id });
  }

  onDown(_reason: ChannelDownReason): void {
    this.#owner.linkDown(this);
  }

  #create(seed: FlowSeed, params: PathParams): BaseFlow {
    if (serviceOf(seed.qos) === 'raw') {
      return new RawFlow(this, seed, Math.min(params.mtuBytes, LIMITS.sduMaxBytes));
    }
    return new FrcpFlow(this, seed, this.#frcpParams(seed, params));
  }

  #frcpParams({ qos, peer }: FlowSeed, path: PathParams): FrcpParams {
    const reliable = qos.loss === 0;
    const wire = path.wire === 'o7s' ? O7S_WIRE : null;
    const lowerReliable = this.#owner.services.env.lowerReliable && peer.pid !== 0 && wire === null;
    const integrity = qos.ber === 0 && !lowerReliable;
    const { mplMs, aMs, rMs, mtuBytes, congestion = 'none' } = path;
    const key = [
      reliable,
      lowerReliable,
      integrity,
      wire?.name,
      mplMs,
      aMs,
      rMs,
      mtuBytes,
      congestion,
    ].join();
    if (this.#lastParams?.key === key) return this.#lastParams.params;
    const params = resolveParams({
      wire,
      mplUs: mplMs * 1_000,
      aUs: aMs * 1_000,
      rUs: rMs * 1_000,
      mtuBytes: Math.min(mtuBytes, PDU_MAX_BYTES),
      congestion,
      sduMaxBytes: LIMITS.sduMaxBytes,
      windowBytes: congestion === 'none' ? LIMITS.flowWindowBytes : LIMITS.pathWindowBytes,
      windowFirstBytes: LIMITS.flowWindowBytes,
      reliable,
      lowerReliable,
      integrity,
      crc32: this.#owner.services.env.crc32,
      viewOf: messageView,
      randomU32: () => this.#owner.services.env.randomU32(),
    });
    this.#lastParams = { key, params };
    return params;
  }
}

function isSamePeer(a: PeerInfo, b: PeerInfo): boolean {
  return a.pid === b.pid && a.uid === b.uid && a.program === b.program;
}

/** Until a message says otherwise; a daemon says both in a channel's first. */
const REMOTE_PEER: PeerInfo = { pid: 0, uid: 0, program: '' };
const UNKNOWN_PATH: PathParams = { mplMs: 1_000, aMs: 50, rMs: 30_000, mtuBytes: 1_400 };

const DEAF: FlowReceiver = {
  onMessage: () => undefined,
  onEnd: () => undefined,
  onWritable: () => undefined,
};

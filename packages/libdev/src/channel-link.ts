import type { Channel, ChannelDownReason, ChannelEvents, FlowReceiver } from '@flowring/channel';
import type { ChannelSpec, ControlMessage, FlowId, PathParams, PeerInfo, QosSpec } from '@flowring/common';
import { errnoOf, LIMITS, qosCubes, serviceOf } from '@flowring/common';
import type { RuntimeClock } from './clock.ts';
import type { Environment } from './environment.ts';
import type { BaseFlow, FlowHost, FlowSeed } from './flow-base.ts';
import { RawFlow } from './raw-flow.ts';

/** What the links of a runtime share. */
export interface LinkServices {
  readonly env: Environment;
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
export class ChannelLink implements FlowHost, ChannelEvents {
  readonly clock: RuntimeClock;
  readonly channel: Channel;
  readonly #owner: LinkOwner;
  #lastPeer: PeerInfo | undefined;

  constructor(owner: LinkOwner, spec: ChannelSpec) {
    this.#owner = owner;
    this.clock = owner.services.env.clock;
    this.channel = owner.services.env.openChannel({ spec, events: this });
  }

  /** A flow of this channel, attached. */
  join(seed: FlowSeed, params: PathParams): BaseFlow {
    const shared = { ...seed, qos: internQos(seed.qos), peer: this.#internPeer(seed.peer) };
    const flow = this.#create(shared, params);
    flow.attached(this.channel.attach(seed.id, flow));
    return flow;
  }

  /** Ends a flow that nobody wants any more, for both ends. */
  turnAway(id: FlowId): void {
    const port = this.channel.attach(id, DEAF);
    port.end(errnoOf('FLOWRING_FLOW_DOWN'));
    port.detach();
    this.released(id);
  }

  holdsSlabs(flow: BaseFlow): void {
    this.#owner.services.compactLater(flow);
  }

  released(id: FlowId): void {
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
    throw new Error('not yet');
  }

  #internPeer(peer: PeerInfo): PeerInfo {
    const last = this.#lastPeer;
    if (
      last !== undefined &&
      last.pid === peer.pid &&
      last.uid === peer.uid &&
      last.program === peer.program
    ) {
      return last;
    }
    this.#lastPeer = peer;
    return peer;
  }
}

const DEAF: FlowReceiver = {
  onMessage: () => undefined,
  onEnd: () => undefined,
  onWritable: () => undefined,
};

const CUBES: readonly QosSpec[] = Object.values(qosCubes);
const FIELDS = Object.keys(qosCubes.raw) as (keyof QosSpec)[];

/** The shared cube equal to a specification, so that flows of one cube share one object. */
function internQos(qos: QosSpec): QosSpec {
  return CUBES.find((cube) => FIELDS.every((field) => cube[field] === qos[field])) ?? qos;
}

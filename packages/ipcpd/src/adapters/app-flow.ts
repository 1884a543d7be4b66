import type { Channel, FlowPort, FlowReceiver } from '@flowring/channel';
import type { ChannelId, FlowId } from '@flowring/common';
import { RelayLane } from './relay-lane.ts';

/** What an application's flow tells its IPCP. */
export interface AppFlowEvents {
  /** The application ended its half (0), or died, or its channel broke: once. */
  onAppEnd(app: AppFlow, errno: number): void;
}

/** The application's side of one flow: its port on the channel, and the lane from the application to the layer. */
export class AppFlow implements FlowReceiver {
  readonly flow: FlowId;
  readonly channel: ChannelId;
  /** From the application to the layer; the layer sets its sink. */
  readonly toLayer = new RelayLane();
  /** To the application; `null` until attached and after `detach`. */
  port: FlowPort | null = null;
  /** Called when the application has room again; set by the layer. */
  onAppWritable: () => void = noop;
  appEnded = false;
  /** The layer sends the end apart from the data: it is told when it has taken all that the application wrote. */
  endsAfterData = false;
  /** The IRMd wants the endpoint back. */
  deallocRequested = false;
  readonly #events: AppFlowEvents;

  constructor(flow: FlowId, channel: ChannelId, events: AppFlowEvents) {
    this.flow = flow;
    this.channel = channel;
    this.#events = events;
  }

  attach(channel: Channel): void {
    this.port = channel.attach(this.flow, this);
    this.toLayer.setSource(this.port);
  }

  detach(): void {
    this.toLayer.setSource(null);
    this.port?.detach();
  }

  /** The lane copies what has to wait. */
  get tellsUse(): boolean {
    return true;
  }

  onMessage(slab: Buffer, start: number, end: number): void {
    this.toLayer.push(slab, start, end);
  }

  onMessageRun(slab: Buffer, start: number, strideBytes: number, messageBytes: number, count: number): void {
    this.toLayer.pushRun(slab, start, strideBytes, messageBytes, count);
  }

  onEnd(errno: number): void {
    if (this.endsAfterData) this.toLayer.whenEmpty(() => this.#ended(errno));
    else this.#ended(errno);
  }

  onWritable(): void {
    this.onAppWritable();
  }

  #ended(errno: number): void {
    if (this.appEnded) return;
    this.appEnded = true;
    this.#events.onAppEnd(this, errno);
  }
}

function noop(): void {}

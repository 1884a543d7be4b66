import type { ChannelKind, FlowId } from '@flowring/common';
import { errnoOf } from '@flowring/common';
import type {
  AttachOptions,
  Channel,
  ChannelDownReason,
  ChannelEvents,
  ChannelStats,
  EndErrno,
  FlowPort,
  FlowReceiver,
} from '../channel.ts';
import type { Link } from '../core/link.ts';
import { BROKEN_ERRNO, Mux } from '../core/mux.ts';
import { SlabPool } from '../core/slab-pool.ts';
import { SlabSweeping } from './slab-sweeping.ts';

const sweeping = new SlabSweeping(() => performance.now());
/** One for all channels of the process: an idle channel holds no slab. */
export const slabPool = new SlabPool(sweeping.slabMade);

/** What the kinds of channel share: the mux, its turns, and going down once. */
export abstract class MuxChannel implements Channel {
  readonly id: number;
  abstract readonly kind: ChannelKind;
  protected readonly mux: Mux;
  protected readonly events: ChannelEvents;
  /** Resources are held and the link may be used. */
  protected isOpen = true;
  #isDown = false;
  #isTurnDue = false;

  constructor(id: number, link: Link, events: ChannelEvents) {
    this.id = id;
    this.events = events;
    this.mux = new Mux(link, () => this.requestTurn());
  }

  abstract get isUp(): boolean;

  get flowCount(): number {
    return this.mux.attached;
  }

  get stats(): ChannelStats {
    return this.mux.stats;
  }

  attach(flow: FlowId, receiver: FlowReceiver, options?: AttachOptions): FlowPort {
    return this.mux.attach(flow, receiver, options);
  }

  discard(flow: FlowId): void {
    this.mux.discard(flow);
  }

  abstract peerGone(): void;

  close(errno: EndErrno = 0): void {
    if (!this.isOpen) return;
    // A clean end promises that everything accepted is delivered; what is not in the link yet cannot be.
    this.sendClose(this.mux.hasBacklog && errno === 0 ? BROKEN_ERRNO : errno);
    this.#letGo();
    setImmediate(() => this.#finish('closed', errnoOf('FLOWRING_FLOW_DOWN')));
  }

  /** Takes in what has come and sends what waits. Called in a turn of the event loop of its own. */
  protected abstract pump(): void;
  /** Tells the peer that nothing follows. */
  protected abstract sendClose(errno: EndErrno): void;
  /** Closes descriptors, releases memory. Once. */
  protected abstract release(): void;

  /** A turn soon: `pump`, or, once down, only what flows attached since must hear. */
  protected requestTurn(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.schedule(() => {
      this.#isTurnDue = false;
      if (this.isOpen) this.pump();
      else this.mux.startTurn();
    });
  }

  protected schedule(turn: () => void): void {
    setImmediate(turn);
  }

  /** In a turn: the channel is down. */
  protected goDown(reason: ChannelDownReason, errno: EndErrno): void {
    if (!this.isOpen) return;
    this.#letGo();
    this.#finish(reason, errno);
  }

  #letGo(): void {
    this.isOpen = false;
    this.mux.stopSending();
    this.release();
  }

  #finish(reason: ChannelDownReason, errno: EndErrno): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.mux.goDown(errno);
    this.events.onDown(reason);
  }
}

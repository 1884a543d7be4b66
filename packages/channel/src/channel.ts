import type { ChannelId, ChannelKind, ChannelSpec, FlowId } from '@flowring/common';

/**
 * What became of a message handed to {@link FlowPort.trySend}. `would-block`: no credit or no room now;
 * `onWritable` follows. `too-large`: over `sduMaxBytes`. `closed`: the flow has ended or the channel is down.
 */
export type SendOutcome = 'sent' | 'would-block' | 'too-large' | 'closed';

/** Why no more messages will come: 0 after the peer's clean end, else an errno of the error table. */
export type EndErrno = number;

/** Errno of a clean end: the peer deallocated and everything it sent has been delivered. */
export const CLEAN_END: EndErrno = 0;

/** What receivers still want of a slab. */
export interface SlabUse {
  /** A view was made, whose end nobody is told of: the slab is never written again. */
  isKept: boolean;
  /** Of receivers that have yet to copy some of it or to make views of it. */
  claims: number;
}

/** The receiving half of one flow. Called only from the channel's turn, never from inside a call into it. */
export interface FlowReceiver {
  /**
   * One message: bytes `start` to `end` of `slab`. The slab is private memory (never the ring) and is not
   * written again, so a view of it may be kept; who keeps a view longer than a turn should copy the message,
   * because the view keeps the whole slab (66 KiB, or one larger message) in memory.
   */
  onMessage(slab: Buffer, start: number, end: number, use: SlabUse): void;
  /**
   * At least 2 messages of `messageBytes` each, the first at `start`, each `strideBytes` behind the one before. Optional:
   * for receivers to whom that is cheaper than `onMessage` for each.
   */
  onMessageRun?(
    slab: Buffer,
    start: number,
    strideBytes: number,
    messageBytes: number,
    count: number,
    use: SlabUse,
  ): void;
  /**
   * It tells `use` what it keeps of each slab, and a slab of which nothing is kept is written again: memory that the
   * collector never sees. Default false: every slab is the receiver's.
   */
  readonly tellsUse?: boolean;
  /** Once, after the last message: the peer ended the flow, or the channel went down (the peer's process died). */
  onEnd(errno: EndErrno): void;
  /** After `would-block`: a send may succeed now. */
  onWritable(): void;
}

/** The sending half of one flow on a channel. */
export interface FlowPort {
  readonly flow: FlowId;
  /** Copies the message out. 0 bytes is a legal message. */
  trySend(message: Uint8Array): SendOutcome;
  /**
   * Sends what `fill` writes: it gets a buffer and an offset with room for `maxBytes` and returns how many bytes
   * it wrote (0: nothing is sent, the outcome is `sent`). In the shared-memory kind this is the ring itself when
   * the record fits in one piece: one copy less, and `fill` must not read back what it wrote.
   */
  trySendWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): SendOutcome;
  /**
   * Copies `count` messages of `messageBytes` out, the first at `start` of `bytes`, each `strideBytes` behind the one
   * before: cheaper than one by one. Returns how many were sent, the first ones. When not all: what is the matter with
   * the next, `trySend` says.
   */
  trySendRun(bytes: Buffer, start: number, strideBytes: number, messageBytes: number, count: number): number;
  /** The reader took a message of so many bytes: its credit goes back to the peer. Call once per message. */
  consumed(messageBytes: number): void;
  /** Ends our sending half; delivered to the peer after all messages sent so far. Idempotent. */
  end(errno: EndErrno): void;
  /** Forgets the flow here. What still arrives for it is dropped and its credit is not returned. Idempotent. */
  detach(): void;
  /** Messages the peer's process has not taken out of the channel yet, as far as credit tells; bytes. */
  readonly inFlightBytes: number;
}

export interface AttachOptions {
  /** Bytes the peer may have outstanding on this flow. Both ends use the same value. Default `flowWindowBytes`. */
  readonly windowBytes?: number;
}

/** Why a channel went down. `closed`: our own close. `peer-closed`: the peer's close. */
export type ChannelDownReason = 'closed' | 'peer-closed' | 'peer-died' | 'broken';

export interface ChannelEvents {
  /** This end is mapped or connected: tell the IRMd, which unlinks the files when both ends are. */
  onUp(): void;
  /** Once. Every attached flow has had its `onEnd` before. */
  onDown(reason: ChannelDownReason): void;
  /** Whether what is sent here is answered by another host: it is waited for a little longer. Default false. */
  readonly isToOtherHost?: boolean;
}

/** The data path to one other process, shared by all flows between the two. */
export interface Channel {
  readonly id: ChannelId;
  readonly kind: ChannelKind;
  readonly isUp: boolean;
  /** Flows attached now. */
  readonly flowCount: number;
  /**
   * Joins a flow to its receiver. Messages that came before it was attached (the peer may be faster than the
   * control plane) are held, up to `unattachedMaxBytes` for the channel, and delivered in the next turn.
   */
  attach(flow: FlowId, receiver: FlowReceiver, options?: AttachOptions): FlowPort;
  /** Drops what is held for a flow that will not be attached. */
  discard(flow: FlowId): void;
  /** The monitor says that the peer's process is gone: what it sent is delivered, then the channel is down. */
  peerGone(): void;
  /** Ends every flow at the peer with `errno`, unmaps, closes descriptors. Idempotent. */
  close(errno?: EndErrno): void;
  readonly stats: ChannelStats;
}

/** Plain counters, always on. */
export interface ChannelStats {
  messagesSent: number;
  messagesReceived: number;
  bytesSent: number;
  bytesReceived: number;
  /** Doorbells rung, and wake-ups by the peer's. */
  bellsSent: number;
  bellsReceived: number;
  /** Records dropped: for unknown flows past the bound, or after detach. */
  recordsDropped: number;
}

export function newChannelStats(): ChannelStats {
  return {
    messagesSent: 0,
    messagesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    bellsSent: 0,
    bellsReceived: 0,
    recordsDropped: 0,
  };
}

export interface OpenChannelOptions {
  readonly spec: ChannelSpec;
  readonly events: ChannelEvents;
  /**
   * All receivers copy what they want of a message before `onMessage` returns, and bear that the peer writes there
   * meanwhile: it is handed to them where it lies, where that is a copy less. Default false.
   */
  readonly copiesAtOnce?: boolean;
}

import type { ErrorCode, FlowId, FlowringError, PeerInfo, QosCubeName, QosSpec } from '@flowring/common';

/** How long an operation may take and what may end it early. */
export interface WaitOptions {
  /** ms; 0 polls; absent: no bound of its own (the flow's default timeouts still apply). Then `FLOWRING_TIMEOUT`. */
  readonly timeoutMs?: number | undefined;
  /** Its abort ends the wait with `FLOWRING_ABORTED`, whose `cause` is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReadIntoOptions extends WaitOptions {
  /** Take what fits of a longer message; its rest is what the next read gives. Default false. */
  readonly partial?: boolean | undefined;
}

/** Which directions a flow may be used in. */
export type FlowMode = 'read-write' | 'read-only' | 'write-only';

export interface FlowAllocOptions extends WaitOptions {
  /** A specification, or the name of a predefined cube. Default `raw`. */
  readonly qos?: QosSpec | QosCubeName | undefined;
  /** Bound of the whole allocation, ms. Default `TIMES.allocTimeoutMs` (20,000). */
  readonly timeoutMs?: number | undefined;
  /** Allocate through this layer's IPC process instead of directly. */
  readonly layer?: string | undefined;
  /** Whether a direct path between two programs of this host may be taken. Default: when no layer is named. */
  readonly direct?: boolean | undefined;
  /** First message, carried with the request; at most `LIMITS.piggybackMaxBytes`. The peer sees it as `flow.data`. */
  readonly data?: Uint8Array | undefined;
  readonly mode?: FlowMode | undefined;
}

/** What `tryWrite` did. `would-block`: wait for `writable()`. `closed`: see `flow.closed` for why. */
export type WriteOutcome = 'sent' | 'would-block' | 'too-large' | 'closed';

/** Why a flow is over. */
export interface CloseReason {
  /** `peer`: it deallocated; all its messages can be read. `local`: we did. `lost`: neither; `code` says what. */
  readonly by: 'local' | 'peer' | 'lost';
  /** Absent after a clean end. */
  readonly code?: ErrorCode;
  /** Own messages the peer had not acknowledged; always 0 on a raw flow, which does not know. */
  readonly unackedSdus: number;
}

export interface DeallocOptions {
  /**
   * How long unacknowledged (reliable) or unsent (raw) messages may still take, ms. Default 10,000, or what the
   * path's delta-t parameters allow when that is less. Then `FLOWRING_UNACKED`, and the flow is gone all the same.
   */
  readonly lingerMs?: number | undefined;
  /** Its abort stops the lingering; the flow is gone all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** Plain counters, always on. */
export interface FlowStats {
  readonly messagesRead: number;
  readonly bytesRead: number;
  readonly messagesWritten: number;
  readonly bytesWritten: number;
}

/**
 * A flow: messages to and from one peer. Message boundaries are kept. Raw flows may drop nothing on one host but
 * promise nothing beyond it; flows with `inOrder` and `loss: 0` are reliable.
 */
export interface Flow extends AsyncIterable<Buffer>, AsyncDisposable {
  /** The endpoint at this host's IRMd. */
  readonly id: FlowId;
  /** The name that was asked for. */
  readonly name: string;
  /** What was granted. */
  readonly qos: QosSpec;
  /** As the kernel attested it; zeros on another host. */
  readonly peer: PeerInfo;
  /** The layer that carries the flow; absent on the direct path. */
  readonly layer: string | undefined;
  /** At the acceptor: the message that came with the request. */
  readonly data: Buffer | undefined;
  /** At the requester: the message that came with the answer. */
  readonly answer: Buffer | undefined;
  /** Largest message, bytes. */
  readonly messageMaxBytes: number;
  /** Direction; set it to forbid one. The other side is not told. */
  mode: FlowMode;
  /** Used by `read` and its kin without a `timeoutMs` of their own, ms. Default: none. */
  readTimeoutMs: number | undefined;
  /** Used by `write` and `writable`. Default: none. */
  writeTimeoutMs: number | undefined;
  /** Messages that can be read now. */
  readonly rxQueueLength: number;
  /** Messages of ours the peer's end has not taken, as far as this end knows (raw: writes that wait). */
  readonly txQueueLength: number;
  /** True until the flow ended, by whomever. */
  readonly isOpen: boolean;
  /** Resolves, never rejects, when the flow is over: at the peer's end or our own, whichever is first. */
  readonly closed: Promise<CloseReason>;
  readonly stats: FlowStats;

  /**
   * The next message; `null` at the clean end, and again on each further call. The Buffer is the caller's, but is a
   * view of a larger block: copy it to keep it long. Concurrent reads are served in order.
   * Rejects with what ended the flow, after all that was received: `FLOWRING_PEER_GONE` (the peer died),
   * `FLOWRING_FLOW_DOWN`, or the code of the peer's `abort`; `FLOWRING_NOT_ALLOCATED` after an own `dealloc`;
   * `FLOWRING_PERMISSION` on a write-only flow; `FLOWRING_TIMEOUT`; `FLOWRING_ABORTED`.
   */
  read(options?: WaitOptions): Promise<Buffer | null>;
  /**
   * Reads the next message into the start of `target` and resolves to its length, or `null` at the clean end. A
   * message that does not fit stays: `FLOWRING_MESSAGE_TOO_LARGE` with `details.messageBytes`; or, with `partial`, gives
   * what fits, and {@link restBytes} says how much is left for the next read.
   */
  readInto(target: Uint8Array, options?: ReadIntoOptions): Promise<number | null>;
  /** What is left of a message that was read in part, bytes; 0: the last read reached the end of its message. */
  readonly restBytes: number;
  /** `read` without waiting. Throws where `read` would reject. */
  tryRead(): Buffer | 'would-block' | null;
  /**
   * The next message copied to the start of `target`, if one is there: its bytes, 0 for an empty one; `null`: the end.
   * Throws `FLOWRING_MESSAGE_TOO_LARGE` when it does not fit, and leaves it. Makes nothing for the collector.
   */
  tryReadInto(target: Uint8Array): number | 'would-block' | null;
  /** Resolves when `tryRead` would not say `would-block`: a message, or the end. */
  readable(options?: WaitOptions): Promise<void>;
  /**
   * Resolves when the flow accepted the message: raw, it is in the channel; reliable, in FRCP's window. `message` must
   * not change before. An acknowledged message was taken over by the peer's end, not yet processed by its program:
   * `dealloc` tells whether all were acknowledged. Concurrent writes keep their order.
   * Rejects with what ended the flow (at once, even while messages can still be read),
   * `FLOWRING_MESSAGE_TOO_LARGE`, `FLOWRING_NOT_ALLOCATED`, `FLOWRING_PERMISSION`, `FLOWRING_TIMEOUT`, `FLOWRING_ABORTED`;
   * then the message was not sent.
   */
  write(message: Uint8Array, options?: WaitOptions): Promise<void>;
  /** `write` without waiting. Throws only `FLOWRING_PERMISSION`. Says `would-block` while earlier writes wait. */
  tryWrite(message: Uint8Array): WriteOutcome;
  /** Resolves when `tryWrite` would not say `would-block`. */
  writable(options?: WaitOptions): Promise<void>;
  /**
   * Ends the flow. The peer reads all that was written, then a clean end. Resolves when that is certain: reliable, all
   * is acknowledged; raw, all is in the channel. Else rejects with `FLOWRING_UNACKED` and `details.unackedSdus`.
   * Unread messages are dropped, waiting reads reject with `FLOWRING_NOT_ALLOCATED`. A second call rejects so too.
   */
  dealloc(options?: DeallocOptions): Promise<void>;
  /** Ends the flow at once. The peer reads what got through, then `code` (default `FLOWRING_FLOW_DOWN`). Idempotent. */
  abort(code?: ErrorCode): void;
  /** Messages until the clean end or the own `dealloc`; throws as `read` rejects. Leaving the loop keeps the flow. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer>;
  /** `dealloc()` unless already done; errors that mean "already over" are not thrown. */
  [Symbol.asyncDispose](): Promise<void>;
  /** The state, for people. */
  inspect(): Readonly<Record<string, unknown>>;
}

export type FlowEventType = 'PKT' | 'DOWN' | 'UP' | 'ALLOC' | 'DEALLOC' | 'PEER';

/** One thing that happened to a flow of a set. */
export interface FlowEvent {
  readonly type: FlowEventType;
  /** Absent on an `ALLOC` that failed. */
  readonly flow?: Flow;
  /** Why an `ALLOC` failed or a flow went `DOWN`. */
  readonly error?: FlowringError;
}

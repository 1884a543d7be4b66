/** How a socket sends and receives: with the kernel's offloads through koffi, or with `node:dgram` alone. */
export type UdpKind = 'offload' | 'plain';

/**
 * One peer, interned by its socket: of one host and port there is one object while the socket remembers it, so it
 * may be compared by identity and carry what the layer knows of the peer. See {@link UdpSocket.hold}.
 */
export interface UdpAddress {
  /** An IP literal, of IPv6 perhaps with `%scope`. */
  readonly host: string;
  /** 0-65535. */
  readonly port: number;
  readonly family: 4 | 6;
  /** The layer's own; null at first. */
  tag: unknown;
}

/** What the kernel or the network said of a datagram sent earlier, or of the socket. Never thrown. */
export interface UdpError {
  /** `ECONNREFUSED`, `EMSGSIZE`, `EHOSTUNREACH` ...; `E` and the number when it is none of the usual. */
  readonly code: string;
  /** Positive. */
  readonly errno: number;
  /** Whom the datagram was for; null when that is not known. */
  readonly peer: UdpAddress | null;
  /** With `EMSGSIZE`: the largest datagram payload the path is said to carry, bytes; 0 when not said. */
  readonly payloadMaxBytes: number;
}

/** Whole numbers that only grow. */
export interface UdpCounters {
  /** Datagrams received, after coalesced ones are taken apart. */
  received: number;
  /** Messages the kernel gave; with GRO one may hold many datagrams. */
  receivedMessages: number;
  /** Received datagrams longer than the buffer; dropped. */
  truncated: number;
  /** Datagrams the kernel dropped because the receive buffer was full; stays 0 where it cannot be known. */
  dropped: number;
  /** Datagrams given to the kernel. */
  sent: number;
  /** Calls into the kernel that sent them. */
  sendCalls: number;
  /** Times the kernel had no room. */
  blocked: number;
  /** Datagrams the kernel refused, for one reason or another; each is also an error event. */
  refused: number;
}

/** What a socket tells. All are called from the event loop, never inside a call of the layer's. */
export interface UdpEvents {
  /**
   * One datagram: `bytes[start, end)`, valid during the call only. `from` is interned. An exception leaves the
   * event loop as any other; the rest of the batch is delivered in the next turn.
   */
  onReceive(bytes: Buffer, start: number, end: number, from: UdpAddress): void;
  /**
   * Datagrams of `segmentBytes` each, the last perhaps shorter, that the kernel joined: `bytes[start, end)`. Without it
   * each of them is given to `onReceive`.
   */
  onReceiveRun?(bytes: Buffer, start: number, end: number, from: UdpAddress, segmentBytes: number): void;
  /** Everything that had arrived was delivered, at most once a turn: the time to look at timers and to flush. */
  onBatchEnd?(): void;
  /** There is room again after {@link UdpSocket.reserve} or {@link UdpSocket.send} answered that there is none. */
  onWritable?(): void;
  onError?(error: UdpError): void;
}

export interface OpenUdpSocketOptions extends UdpEvents {
  /** Where to bind: an IP literal, such as `0.0.0.0`, `::` (IPv6 only) or `fe80::1%eth0`. Decides the family. */
  readonly host: string;
  /** 0-65535; 0 lets the kernel choose. Default 0. */
  readonly port?: number;
  /** Default `auto`: `offload` where it is available, else `plain`. `FLOWRING_DATAGRAM` overrides `auto`. */
  readonly kind?: UdpKind | 'auto';
  /** Asked of the kernel, which may grant less: see {@link UdpSocket.receiveBufferBytes}. Default 4 MiB. */
  readonly receiveBufferBytes?: number;
  /** The same for sending. Default 4 MiB. */
  readonly sendBufferBytes?: number;
}

/**
 * A bound UDP socket. What is sent gathers in {@link outgoing} and leaves with {@link flush}, so that the many
 * small datagrams of one turn cost one system call.
 *
 * With kind `offload` no datagram is fragmented by the kernel, whatever its size (do-not-fragment is set, and the
 * kernel's memory of path MTUs is not consulted): path MTU probing works, and what does not fit the first link is
 * an `EMSGSIZE` error event. With `plain` the kernel fragments what it believes not to fit.
 */
export interface UdpSocket {
  readonly kind: UdpKind;
  readonly local: UdpAddress;
  /** What the kernel granted, bytes. Linux counts its own overhead in it and grants twice what it was asked. */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly counters: Readonly<UdpCounters>;
  /** Where {@link reserve} makes room. */
  readonly outgoing: Buffer;

  /** The peer of an IP literal of this socket's family. Throws `FLOWRING_INVALID_ARGUMENT`. */
  address(host: string, port: number): UdpAddress;
  /** Keeps the address interned until as many {@link release}; others are forgotten when very many peers speak. */
  hold(address: UdpAddress): void;
  release(address: UdpAddress): void;

  /**
   * Room for one datagram of at most `bytes` (1 to 65,507): where it begins in {@link outgoing}. -1: no room,
   * `onWritable` follows. Flushes by itself when the room is used up. What is not committed is forgotten with the
   * next call.
   */
  reserve(bytes: number): number;
  /** The first `bytes` of the room reserved last are a datagram to `to`; it leaves with the next {@link flush}. */
  commit(to: UdpAddress, bytes: number): void;
  /** Reserves, copies and commits one datagram. false: no room, nothing went, `onWritable` follows. */
  send(to: UdpAddress, bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * Gives everything committed to the kernel, neighbours of one peer and one length (the last may be shorter) as one
   * message where the kernel segments. What it has no room for leaves by itself later. Never throws.
   */
  flush(): void;

  /** Whether something has arrived that was not delivered yet; always false with `plain`, which cannot look. */
  hasNews(): boolean;
  /** Delivers it now, as the event loop would in its next turn. Not for use inside of an event. */
  takeIn(): void;
  /**
   * Whoever the received datagrams are for has no room: after this one no more are delivered until `resume`, for a
   * millisecond at most. What arrives meanwhile waits in the kernel, where it costs least. No effect with `plain`.
   */
  giveWay(): void;
  /** There is room again after `giveWay`. */
  resume(): void;
  /**
   * Largest payload the kernel believes to reach the peer unfragmented, bytes: from the route's MTU. 0: not known,
   * as always with `plain`.
   */
  payloadMaxBytes(to: UdpAddress): number;
  /** Keeps the process alive, as a new socket does; or not. */
  ref(): void;
  unref(): void;
  /**
   * Gives what was committed to the kernel as far as it has room, and closes. No event follows the call. Calls
   * after it do nothing; `reserve` answers -1.
   */
  close(): Promise<void>;
}

/** Largest payload of a datagram, bytes: 65,535 less the headers of IPv4 and UDP. */
export const DATAGRAM_MAX_BYTES = 65_507;

/**
 * Every bound of the runtime: a name, a unit, a value. docs/LIMITS.md lists them with what happens at the
 * bound; a test keeps the two equal.
 */
export const LIMITS = {
  /** Longest name, layer or IPCP name, bytes of UTF-8 (O7s: 255). */
  nameMaxBytes: 255,
  /** Largest message of any flow, bytes. */
  sduMaxBytes: 1_048_576,
  /** Largest first message carried with an allocation or its answer, bytes. */
  piggybackMaxBytes: 16_384,
  /** Largest control frame, bytes. */
  controlFrameMaxBytes: 65_536,
  /** Configuration of one IPCP, bytes. */
  configMaxBytes: 49_152,
  /** Largest reply of the IRMd to a management request (lists), bytes. */
  controlReplyMaxBytes: 16_777_216,
  /** Bytes waiting to be written to one process's lifeline; a process that reads less is dropped. */
  lifelineBufferedMaxBytes: 8_388_608,
  /** Malformed frames of one process before the IRMd drops it. */
  malformedFramesMax: 64,
  /** Connections to the guard that have not said who they are; past it the oldest is closed. */
  unnamedConnectionsMax: 1_024,
  /** Control requests of one process that may be unanswered at once. */
  requestsPerProcessMax: 16_384,
  /** Allocations waiting for an acceptor, per name. */
  pendingAllocsPerNameMax: 4_096,
  /** Flow endpoints of one IRMd. */
  flowsMax: 1_000_000,
  /** Flows one lease lets a client open without asking the IRMd; a power of 2. */
  leaseFlows: 256,
  /** Names of one IRMd. */
  namesMax: 65_536,
  /** Programs bound to one name. */
  programsPerNameMax: 64,
  /** IPCPs of one IRMd. */
  ipcpsMax: 64,
  /** Registered processes of one IRMd. */
  processesMax: 16_384,
  /** Descriptors of the posix interface, per process (O7s: 64..4095). */
  posixDescriptorsMax: 4_096,
  /** Bytes a peer may have in flight on one flow before the reader takes some (the flow's credit). */
  flowWindowBytes: 524_288,
  /** The same between hosts, once as much was read: what is under way at 100 Mbit/s and 335 ms. */
  pathWindowBytes: 4_194_304,
  /** Bytes of one shared-memory ring, per direction. */
  ringBytes: 1_048_576,
  /** Requests of other IPCPs that one IPCP holds for its IRMd's answer. */
  incomingMax: 16_384,
  /** Answers to past requests that an IPCP remembers, bytes with what they cost. */
  answersMaxBytes: 16_777_216,
  /** The same, of one peer. */
  answersPerPeerMaxBytes: 4_194_304,
  /** Ids of requests of C peers that an IPCP remembers. */
  requestsSeenMax: 65_536,
  /** Endpoint ids of ended flows that one IPCP keeps out of use. */
  eidsRestingMax: 262_144,
  /** Longest time a peer's request may ask an IPCP to hold it, ms. */
  requestHoldMaxMs: 600_000,
  /** Bytes held for flows of a channel that are not attached yet. */
  unattachedMaxBytes: 1_048_576,
  /** Flows of a channel that may have early messages before they are attached. */
  channelEarlyFlowsMax: 16_384,
  /** Rests of large messages that a channel keeps until there is room, bytes. */
  channelOutgoingMaxBytes: 4_194_304,
  /** Flows detached before their peer ended them that a channel remembers, to drop what still comes. */
  channelForgottenFlowsMax: 65_536,
  /** Peers a UDP socket keeps known beside those its layer holds. */
  datagramPeersMax: 65_536,
} as const;

/** Default times, ms. Each can be set per call or in the daemon's configuration. */
export const TIMES = {
  /** Allocation, when the caller names no timeout. */
  allocTimeoutMs: 20_000,
  /** How long a request for a known name waits for somebody to accept, when nobody serves it. */
  acceptorGraceMs: 1_000,
  /** How long an automatically started program may take until it accepts. */
  programStartMs: 10_000,
  /** Any other control request. */
  requestTimeoutMs: 5_000,
  /** A connection to the daemon that has not said hello. */
  helloTimeoutMs: 5_000,
  /** How long a program waits for a daemon it started itself. */
  autostartMs: 10_000,
  /** A flow opened on a lease that ends sooner is never told to the IRMd. */
  leasedUnheardMs: 10,
  /** An automatically started daemon without processes ends after this. */
  idleExitMs: 30_000,
} as const;

/** Version of the control protocol. Another version in the hello is refused with `FLOWRING_VERSION`. */
export const CONTROL_VERSION = 1;

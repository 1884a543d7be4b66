// What docs/ERRORS.md and docs/LIMITS.md say beside the numbers of the code.

/** Per error code: what it means, and what to do. */
export const ERROR_ADVICE = {
  FLOWRING_NOT_ALLOCATED: [
    'The flow was deallocated, or never allocated.',
    'Allocate a flow first; do not use one after `dealloc()`.',
  ],
  FLOWRING_IPCP_TYPE: ['No IPCP of that type exists in this version.', 'Use a type the message names.'],
  FLOWRING_IRMD_UNREACHABLE: [
    'No daemon answers in the runtime directory, or it went away during the call.',
    'Start one with `irmd`, or allow automatic start (`FLOWRING_AUTOSTART` not 0). Check `FLOWRING_DIR`.',
  ],
  FLOWRING_IPCP: [
    'An IPC process was asked and could not do it; the message says why.',
    'Look at its log (`DEBUG=flowring:*`), then try again.',
  ],
  FLOWRING_IPCP_STATE: [
    'The IPC process is in another state: for example not bootstrapped yet.',
    'See `irm ipcp list`; bootstrap it or wait.',
  ],
  FLOWRING_FLOW_DOWN: [
    'The flow can no longer carry messages: its path broke, or the peer gave it up.',
    'Deallocate it and allocate a new one.',
  ],
  FLOWRING_PEER_GONE: [
    "The peer's process ended without deallocating, or nothing was heard from it, or acknowledged by it, for the agreed time.",
    'Deallocate and allocate again; the peer may come back.',
  ],
  FLOWRING_NAME_UNKNOWN: [
    'The daemon has no such name.',
    'Create it with `irm name create NAME`, or start the server that binds it.',
  ],
  FLOWRING_CRYPT: [
    'Encryption or decryption failed.',
    'Check that both ends use the same keys and settings.',
  ],
  FLOWRING_AUTH: ['The peer could not prove who it is.', 'Check credentials of both ends.'],
  FLOWRING_PERMISSION: ['Your user may not do this.', "Run as the daemon's user or ask its owner."],
  FLOWRING_BAD_DESCRIPTOR: [
    'The number is not an open flow descriptor of this process.',
    'Use what `flow_alloc` or `flow_accept` returned, until `flow_dealloc`.',
  ],
  FLOWRING_WOULD_BLOCK: [
    'Nothing to read, or no room to write, right now.',
    'Wait for the event, or use the call that waits.',
  ],
  FLOWRING_NO_MEMORY: ['Memory or shared memory is used up.', 'Free some: see `/dev/shm` and `ulimit`.'],
  FLOWRING_INVALID_ARGUMENT: [
    'An argument has a wrong type or value; the message names it.',
    'Correct the call.',
  ],
  FLOWRING_TOO_MANY: [
    'A limit of docs/LIMITS.md was reached; the details name it.',
    'Release what is not needed, then try again.',
  ],
  FLOWRING_MESSAGE_TOO_LARGE: [
    'The message is longer than the flow carries.',
    'Split it, or see `sduMaxBytes`.',
  ],
  FLOWRING_NOT_SUPPORTED: ['This version, platform or flow cannot do it.', 'The message names what can.'],
  FLOWRING_ADDRESS_IN_USE: [
    'Another socket has that address and port.',
    'End what uses it (`ss -lunp`), or choose another port.',
  ],
  FLOWRING_ADDRESS_NOT_AVAILABLE: [
    'No interface of this host has the address, or it could not be bound for the reason the message gives.',
    'See `ip address`; `0.0.0.0` or `::` stand for all of them.',
  ],
  FLOWRING_TIMEOUT: [
    'The time given for the call is over. Nothing of it is left behind.',
    'Try again, with more time if the peer is slow.',
  ],
  FLOWRING_ABORTED: [
    'Your own `AbortSignal` ended the call; its reason is the cause.',
    'Nothing: you asked for it.',
  ],
  FLOWRING_REFUSED: [
    'The program at the other end declined the flow.',
    'Ask it why; the answer may carry data.',
  ],
  FLOWRING_NO_ACCEPTOR: [
    'The name is known but no process accepts flows for it.',
    'Start the server, or bind a program with `irm bind program --auto`.',
  ],
  FLOWRING_VERSION: [
    'Library and daemon speak different versions of the control protocol.',
    'Upgrade the older one and restart it.',
  ],
  FLOWRING_ALREADY_RUNNING: [
    'Another daemon holds the runtime directory; the details give its pid.',
    'Use that one, stop it, or choose another `FLOWRING_DIR`.',
  ],
  FLOWRING_PROTOCOL: [
    'A control message was malformed or came at the wrong moment.',
    'Report it with `DEBUG=flowring:*` output of both ends.',
  ],
  FLOWRING_EXISTS: ['An object of that name exists already.', 'Use it, destroy it, or choose another name.'],
  FLOWRING_NOT_FOUND: [
    'No object of that name or id exists.',
    'List what exists: `irm name list`, `irm ipcp list`, `irm process list`.',
  ],
  FLOWRING_LAYER_UNKNOWN: [
    'No IPCP of this host is in a layer of that name.',
    'See `irm ipcp list`; bootstrap one.',
  ],
  FLOWRING_UNREACHABLE_NAME: [
    'No layer of this host knows the name.',
    'Register it where the server runs: `irm name register NAME --layer LAYER`.',
  ],
  FLOWRING_BAD_QOS: ['The QoS has a missing field or a value out of range.', 'Start from one of `qosCubes`.'],
  FLOWRING_CHANNEL: [
    'The channel between the two processes could not be opened, or its memory was corrupted.',
    'Try again; on repetition try `FLOWRING_CHANNEL=unix`.',
  ],
  FLOWRING_UNACKED: [
    'The flow ended before the peer acknowledged everything written.',
    'Allow `dealloc` more time, or confirm in your own protocol.',
  ],
  FLOWRING_SPAWN: ['A bound program did not start.', 'Check its path and arguments: `irm name list`.'],
  FLOWRING_RUNTIME_DIR: [
    'The runtime directory cannot be used: wrong owner or mode, or a path too long for a socket.',
    'Make it yours with mode 0700, or set `FLOWRING_DIR`.',
  ],
  FLOWRING_CONFIG: [
    'The configuration file has an error; the message names the place.',
    'Correct the file; see docs/OPERATING.md.',
  ],
  FLOWRING_INTERNAL: ['A defect of Flowring.', 'Report it with the message and `DEBUG=flowring:*` output.'],
  FLOWRING_DIRECTORY: [
    'The layer could not learn which host has the name: no peer, or no directory server, answers.',
    'Check `peers` or `nats.servers` in `irm ipcp list --json`, and that they are reachable.',
  ],
  FLOWRING_UNKNOWN_CODE: [
    'The peer sent a code this version does not know; the details keep it.',
    'Upgrade the older end.',
  ],
};

/** Per limit: what happens when it is reached. */
export const LIMIT_OUTCOMES = {
  nameMaxBytes: '`FLOWRING_INVALID_ARGUMENT`',
  sduMaxBytes: '`FLOWRING_MESSAGE_TOO_LARGE`; `tryWrite` says `too-large`',
  piggybackMaxBytes: '`FLOWRING_MESSAGE_TOO_LARGE`',
  controlFrameMaxBytes: 'the frame is dropped and counted; on a lifeline the connection ends',
  configMaxBytes: '`FLOWRING_CONFIG`',
  controlReplyMaxBytes: '`FLOWRING_TOO_MANY`',
  lifelineBufferedMaxBytes: 'the process is dropped as if it had died',
  malformedFramesMax: 'the process is dropped as if it had died',
  unnamedConnectionsMax: 'the oldest such connection is closed',
  requestsPerProcessMax: '`FLOWRING_TOO_MANY`',
  pendingAllocsPerNameMax: '`FLOWRING_TOO_MANY`',
  flowsMax: '`FLOWRING_TOO_MANY`',
  leaseFlows: 'the client asks the IRMd for its next flow, and gets the next lease',
  namesMax: '`FLOWRING_TOO_MANY`',
  processesMax: 'the hello is refused with `FLOWRING_TOO_MANY`',
  posixDescriptorsMax: '`-EMFILE`',
  flowWindowBytes: 'the writer waits; `tryWrite` says `would-block`',
  pathWindowBytes: 'the writer waits; `tryWrite` says `would-block`',
  ringBytes: 'the writer waits; `tryWrite` says `would-block`',
  incomingMax: 'the peer is told `FLOWRING_TOO_MANY`',
  answersMaxBytes:
    "the peer's oldest is forgotten; an older request of it is then refused with `FLOWRING_TOO_MANY`",
  answersPerPeerMaxBytes: 'the same',
  requestsSeenMax: 'new requests are refused with `FLOWRING_TOO_MANY`',
  eidsRestingMax: 'new flows are refused with `FLOWRING_TOO_MANY`',
  requestHoldMaxMs: 'longer wishes are shortened to it',
  programsPerNameMax: '`FLOWRING_TOO_MANY`',
  ipcpsMax: '`FLOWRING_TOO_MANY`',
  channelEarlyFlowsMax: 'early messages of further flows are dropped and counted',
  channelOutgoingMaxBytes: 'the writer waits; `tryWrite` says `would-block`',
  datagramPeersMax: 'those longest silent are forgotten; their next datagram makes them known anew',
  channelForgottenFlowsMax: 'the oldest is forgotten; what still comes for it counts as early',
  unattachedMaxBytes: 'further messages for flows not attached yet are dropped and counted',
};

/** Per default time: what happens when it is over. */
export const TIME_OUTCOMES = {
  allocTimeoutMs: '`FLOWRING_TIMEOUT`',
  acceptorGraceMs: '`FLOWRING_NO_ACCEPTOR`',
  programStartMs: '`FLOWRING_SPAWN`',
  requestTimeoutMs: '`FLOWRING_TIMEOUT`',
  helloTimeoutMs: 'the connection is closed',
  autostartMs: '`FLOWRING_IRMD_UNREACHABLE`',
  leasedUnheardMs: 'both ends tell the IRMd of the flow',
  idleExitMs: 'the daemon ends with code 0',
};

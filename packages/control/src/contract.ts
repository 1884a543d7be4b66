import type {
  AttestedProcess,
  ChannelKind,
  ControlMessage,
  ManagementType,
  ProcessId,
  ProcessKind,
} from '@flowring/common';

/** What the daemon answers to a hello. */
export interface Welcome {
  readonly process: ProcessId;
  readonly version: number;
  readonly daemonPid: number;
  /** Random per daemon start, hex: a client that sees another value knows the daemon restarted. */
  readonly instance: string;
}

/** Something that happened, as `irm events` shows it: `seq` counts up by one, `atMs` is wall time. */
export interface ControlEvent {
  readonly seq: number;
  readonly atMs: number;
  readonly type: string;
  readonly [field: string]: string | number | boolean | null;
}

/** A management request without its correlation id, which the client adds. */
export type ManagementRequest = {
  [T in ManagementType]: Omit<ControlMessage<T>, 'req'>;
}[ManagementType];

export interface RequestOptions {
  /** Default `requestTimeoutMs`. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A process's connection to its IRMd. */
export interface ControlClient {
  readonly welcome: Welcome;
  readonly dir: string;
  /** False once the lifeline closed. */
  readonly isOpen: boolean;
  /** A fresh correlation id; one counter for both lanes. */
  nextRequestId(): number;
  /**
   * Asks on the zeromq lane. Resolves to the reply's value. Rejects with the FlowringError the daemon answered,
   * `FLOWRING_TIMEOUT`, `FLOWRING_ABORTED` or `FLOWRING_IRMD_UNREACHABLE` (the daemon went away).
   */
  request(request: ManagementRequest, options?: RequestOptions): Promise<unknown>;
  /** Sends on the lifeline, in order, without waiting; false when the connection is closed. */
  send(message: ControlMessage): boolean;
  /**
   * As `send`, for what nobody waits for: it leaves with the next message, at the latest after 2 ms. Saves the daemon
   * a wake-up. Order among all messages is kept.
   */
  sendSoon(message: ControlMessage): boolean;
  /** Whether the connection keeps the event loop alive. Starts as true; libdev turns it off while nothing waits. */
  ref(): void;
  unref(): void;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Runtime directory; default {@link runtimeDir}. */
  readonly dir?: string;
  readonly kind: ProcessKind;
  readonly program?: string;
  readonly path?: string;
  readonly channels?: readonly ChannelKind[];
  readonly token?: string | undefined;
  /** Start a per-user daemon when none answers. Default false; `FLOWRING_AUTOSTART=0` forbids it. */
  readonly autostart?: boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** A message on the lifeline. Never called before `connectControl` resolves. */
  readonly onMessage: (message: ControlMessage) => void;
  /** Once: the daemon went away or `close` was called. */
  readonly onClose: () => void;
}

export interface ControlServerEvents {
  /** A process said hello and was attested. Return false to refuse it (its hello gets `FLOWRING_TOO_MANY`). */
  onProcess(process: AttestedProcess): boolean;
  /** A well-formed message of a registered process, of either lane. */
  onMessage(process: ProcessId, message: ControlMessage): void;
  /** Its lifeline closed: the process ended, or left. Once, after all its messages. */
  onGone(process: ProcessId): void;
}

/** Frames dropped, by reason; plain numbers. */
export interface ControlServerStats {
  processes: number;
  framesReceived: number;
  framesMalformed: number;
  framesUnattested: number;
  hellosRefused: number;
  eventsPublished: number;
  eventsDropped: number;
  /** Processes ended by us: they did not read, or sent too much that was malformed. */
  processesDropped: number;
  /** Replies zeromq did not take: the process left, or did not read. */
  repliesDropped: number;
}

/** The IRMd's end of the control plane. */
export interface ControlServer {
  readonly instance: string;
  readonly stats: ControlServerStats;
  /** Sends on the right lane: a reply where its request came from, all else on the lifeline. False: unknown process. */
  send(process: ProcessId, message: ControlMessage): boolean;
  /** Ends a process's connection (protocol violation, shutdown). `onGone` follows. */
  drop(process: ProcessId): void;
  publish(type: string, fields: Readonly<Record<string, string | number | boolean | null>>): void;
  stop(): Promise<void>;
}

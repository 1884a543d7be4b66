import { randomBytes } from 'node:crypto';
import type { ControlMessage, ErrorCode, FlowringErrorOptions, ProcessId, RequestId } from '@flowring/common';
import {
  CONTROL_VERSION,
  FlowringError,
  LIMITS,
  TIMES,
  createLogger,
  decodeControl,
  encodeControl,
} from '@flowring/common';
import { ensureDaemon } from './autostart.ts';
import type {
  ConnectOptions,
  ControlClient,
  ManagementRequest,
  RequestOptions,
  Welcome,
} from './contract.ts';
import { Deadline } from './deadline.ts';
import { FrameLane } from './frame-lane.ts';
import type { Greeting } from './greeting.ts';
import { PROCESS_ID_BYTES, decodeGreeting } from './greeting.ts';
import { connectUnix } from './connected-stream.ts';
import { ManagementLane } from './management-lane.ts';
import type { SocketPaths } from './runtime-dir.ts';
import { runtimeDir, socketPaths } from './runtime-dir.ts';

const log = createLogger('control:client');

/**
 * Connects this process to its IRMd: lifeline, attestation, hello. Rejects `FLOWRING_IRMD_UNREACHABLE`,
 * `FLOWRING_VERSION`, `FLOWRING_TIMEOUT` (default 5 s; 10 s when it starts a daemon), `FLOWRING_ABORTED`,
 * `FLOWRING_RUNTIME_DIR`, and what the daemon answers.
 */
export async function connectControl(options: ConnectOptions): Promise<ControlClient> {
  const dir = options.dir ?? runtimeDir();
  const paths = socketPaths(dir);
  const defaultMs = options.autostart ? TIMES.autostartMs : TIMES.helloTimeoutMs;
  const deadline = new Deadline(options.timeoutMs ?? defaultMs, options.signal);
  const client = new Client(dir, paths, options);
  try {
    if (options.autostart) {
      await ensureDaemon(dir, { timeoutMs: deadline.leftMs(), signal: options.signal });
    }
    await deadline.race(client.open());
    await client.hello(options, { timeoutMs: deadline.leftMs(), signal: options.signal });
  } catch (error) {
    client.abandon();
    throw error;
  } finally {
    deadline.clear();
  }
  client.start();
  return client;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: FlowringError) => void;
  readonly clear: () => void;
}

class Client implements ControlClient {
  readonly dir: string;
  readonly #paths: SocketPaths;
  readonly #id = randomBytes(PROCESS_ID_BYTES);
  readonly #management: ManagementLane;
  readonly #onMessage: (message: ControlMessage) => void;
  readonly #onClose: () => void;
  readonly #waiting = new Map<RequestId, Waiting>();
  /** Messages that came before `connectControl` resolved; `null` from then on. */
  #early: ControlMessage[] | null = [];
  #lane: FrameLane | null = null;
  #onGreeting: ((greeting: Greeting | null) => void) | null = null;
  #welcome: Welcome = { process: 0, version: 0, daemonPid: 0, instance: '' };
  #isAbandoned = false;
  #isRef = true;
  #lastRequest = 0;
  #whenClosed: Promise<void> = Promise.resolve();

  constructor(dir: string, paths: SocketPaths, options: ConnectOptions) {
    this.dir = dir;
    this.#paths = paths;
    this.#onMessage = options.onMessage;
    this.#onClose = options.onClose;
    this.#management = new ManagementLane(paths.ctl, this.#id.toString('hex'), (frame) =>
      this.#onReply(frame),
    );
  }

  get welcome(): Welcome {
    return this.#welcome;
  }

  get isOpen(): boolean {
    return this.#lane?.isOpen ?? false;
  }

  nextRequestId(): number {
    this.#lastRequest = this.#lastRequest >= 0xffff_ffff ? 1 : this.#lastRequest + 1;
    return this.#lastRequest;
  }

  request(request: ManagementRequest, options: RequestOptions = {}): Promise<unknown> {
    const req = this.nextRequestId();
    return this.#ask({ ...request, req }, req, options);
  }

  send(message: ControlMessage): boolean {
    return this.#lane?.send(encodeControl(message)) ?? false;
  }

  sendSoon(message: ControlMessage): boolean {
    return this.#lane?.sendSoon(encodeControl(message)) ?? false;
  }

  ref(): void {
    this.#isRef = true;
    this.#lane?.socket.ref();
  }

  unref(): void {
    this.#isRef = false;
    this.#lane?.socket.unref();
  }

  /** What was sent is delivered; requests that wait reject `FLOWRING_IRMD_UNREACHABLE`. */
  async close(): Promise<void> {
    const lane = this.#lane;
    lane?.socket.ref();
    lane?.end();
    const timer = setTimeout(() => lane?.destroy(), CLOSE_MS);
    await this.#whenClosed;
    clearTimeout(timer);
  }

  async open(): Promise<void> {
    const stream = await connectUnix(this.#paths.guard).catch((cause: unknown) => {
      throw unreachable(this.dir, { cause });
    });
    if (this.#isAbandoned) {
      stream.socket.destroy();
      return;
    }
    const greeted = new Promise<Greeting | null>((resolve) => (this.#onGreeting = resolve));
    this.#whenClosed = new Promise<void>((resolve) => {
      const onClose = (): void => {
        this.#closed();
        resolve();
      };
      this.#lane = new FrameLane(stream, { onFrame: (frame) => this.#onFrame(frame), onClose });
    });
    this.#lane!.send(this.#id);
    const greeting = await greeted;
    if (greeting === null) throw unreachable(this.dir, { message: `the IRM daemon in ${this.dir} hung up` });
  }

  async hello(options: ConnectOptions, limits: RequestOptions): Promise<void> {
    const req = this.nextRequestId();
    const { kind, token } = options;
    const path = options.path ?? process.argv[1] ?? process.execPath;
    const program = options.program ?? path.slice(path.lastIndexOf('/') + 1);
    const channels = options.channels ?? ['unix'];
    const hello: ControlMessage<'hello'> = {
      ...{ t: 'hello', req, version: CONTROL_VERSION, kind, program, path, channels },
      ...(token === undefined ? {} : { token }),
    };
    const value = await this.#ask(hello, req, limits);
    const welcome = parseWelcome(value);
    if (welcome === null) throw new FlowringError('FLOWRING_PROTOCOL', { message: 'not a welcome' });
    this.#welcome = welcome;
  }

  /** The caller of `connectControl` gets the client first, then the messages that came meanwhile. */
  start(): void {
    if (!this.#isRef) this.unref();
    setImmediate(() => {
      const early = this.#early ?? [];
      this.#early = null;
      for (const message of early) this.#onMessage(message);
      if (!this.isOpen) this.#onClose();
    });
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#management.close();
    this.#lane?.destroy();
    this.#rejectAll();
  }

  #ask(message: ControlMessage, req: RequestId, options: RequestOptions): Promise<unknown> {
    const { signal, timeoutMs = TIMES.requestTimeoutMs } = options;
    if (!this.isOpen) return Promise.reject(unreachable(this.dir));
    if (signal?.aborted)
      return Promise.reject(new FlowringError('FLOWRING_ABORTED', { cause: signal.reason }));
    return new Promise<unknown>((resolve, reject) => {
      const giveUp = (code: ErrorCode, why: FlowringErrorOptions): void => {
        if (this.#settle(req) === undefined) return;
        this.send({ t: 'cancel', req });
        reject(new FlowringError(code, why));
      };
      const onAbort = (): void => giveUp('FLOWRING_ABORTED', { cause: signal?.reason as unknown });
      const timer = setTimeout(() => giveUp('FLOWRING_TIMEOUT', timedOut(message.t, timeoutMs)), timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      const clear = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      if (this.#waiting.size < LIMITS.requestsPerProcessMax && this.#management.ask(encodeControl(message))) {
        this.#waiting.set(req, { resolve, reject, clear });
        return;
      }
      clear();
      reject(new FlowringError('FLOWRING_TOO_MANY', { details: { max: LIMITS.requestsPerProcessMax } }));
    });
  }

  #settle(req: RequestId): Waiting | undefined {
    const waiting = this.#waiting.get(req);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(req);
    waiting.clear();
    this.#management.settled();
    return waiting;
  }

  #onReply(frame: Buffer): void {
    const message = decodeControl(frame, LIMITS.controlReplyMaxBytes);
    if (message?.t === 'ok') {
      this.#settle(message.req)?.resolve(message.value);
    } else if (message?.t === 'error') {
      const { code, message: text, details } = message;
      this.#settle(message.req)?.reject(
        new FlowringError(code, {
          ...(text === undefined ? {} : { message: text }),
          ...(details === undefined ? {} : { details }),
        }),
      );
    } else {
      log('dropped a malformed reply');
    }
  }

  #onFrame(frame: Uint8Array): void {
    if (this.#onGreeting !== null) {
      this.#greet(decodeGreeting(frame));
      return;
    }
    const message = decodeControl(frame);
    if (message === null) log('dropped a malformed message');
    else if (this.#early !== null) this.#early.push(message);
    else this.#onMessage(message);
  }

  #greet(greeting: Greeting | null): void {
    const onGreeting = this.#onGreeting;
    this.#onGreeting = null;
    onGreeting?.(greeting);
  }

  #closed(): void {
    this.#greet(null);
    this.#rejectAll();
    this.#management.close();
    if (this.#early === null) this.#onClose();
  }

  #rejectAll(): void {
    for (const req of [...this.#waiting.keys()]) this.#settle(req)?.reject(unreachable(this.dir));
  }
}

function parseWelcome(value: unknown): Welcome | null {
  if (typeof value !== 'object' || value === null) return null;
  const { process: ours, version, daemonPid, instance } = value as Record<string, unknown>;
  if (typeof ours !== 'number' || typeof version !== 'number') return null;
  if (typeof daemonPid !== 'number' || typeof instance !== 'string') return null;
  return { process: ours satisfies ProcessId, version, daemonPid, instance };
}

function timedOut(what: string, timeoutMs: number): FlowringErrorOptions {
  return {
    message: `the IRM daemon did not answer ${what} in ${timeoutMs} ms`,
    details: { request: what, timeoutMs },
  };
}

function unreachable(dir: string, options: FlowringErrorOptions = {}): FlowringError {
  const message = `cannot reach the IRM daemon in ${dir}; start one with: irmd`;
  return new FlowringError('FLOWRING_IRMD_UNREACHABLE', { message, ...options, details: { dir } });
}

const CLOSE_MS = 1_000;

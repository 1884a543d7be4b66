import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Router } from 'zeromq';
import type { ControlMessage, ErrorCode, ErrorDetails, ProcessId } from '@flowring/common';
import {
  CONTROL_VERSION,
  FlowringError,
  LIMITS,
  TIMES,
  createLogger,
  decodeControl,
  encodeControl,
  peekControl,
} from '@flowring/common';
import { Attestations, serveZap, startTicksOf } from './attestation.ts';
import type { ControlServer, ControlServerEvents, ControlServerStats, Welcome } from './contract.ts';
import { EventPublisher } from './event-stream.ts';
import type { EventFields } from './event-stream.ts';
import { encodeGreeting } from './greeting.ts';
import type { Guard } from './guard-lock.ts';
import { claimGuard } from './guard-lock.ts';
import type { LaneCloseReason } from './frame-lane.ts';
import { Session, UnnamedConnections } from './control-session.ts';
import type { SocketPaths } from './runtime-dir.ts';
import { prepareRuntimeDir } from './runtime-dir.ts';
import { zmqContext } from './zmq-context.ts';
import { ZmqSender } from './zmq-sender.ts';

const log = createLogger('control:server');

export interface ControlServerOptions {
  /** Runtime directory; made when missing. */
  readonly dir: string;
  readonly events: ControlServerEvents;
  /** How long a connection may stay unregistered. Default `helloTimeoutMs` of TIMES, ms. */
  readonly helloTimeoutMs?: number;
}

/**
 * Takes the lock of the runtime directory and serves it. Rejects `FLOWRING_ALREADY_RUNNING` (the running
 * daemon's pid in `details.pid`) and `FLOWRING_RUNTIME_DIR`. The server keeps the event loop alive until `stop`.
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const paths = prepareRuntimeDir(options.dir);
  const guard = await claimGuard(options.dir);
  const server = new Server(options, paths, guard);
  try {
    await server.open();
  } catch (cause) {
    await server.stop();
    throw new FlowringError('FLOWRING_RUNTIME_DIR', {
      message: `cannot serve the runtime directory ${options.dir}: ${String(cause)}`,
      details: { dir: options.dir },
      cause,
    });
  }
  return server;
}

class Server implements ControlServer {
  readonly instance = randomBytes(16).toString('hex');
  readonly stats: ControlServerStats = {
    processes: 0,
    framesReceived: 0,
    framesMalformed: 0,
    framesUnattested: 0,
    hellosRefused: 0,
    eventsPublished: 0,
    eventsDropped: 0,
    processesDropped: 0,
    repliesDropped: 0,
  };
  readonly #events: ControlServerEvents;
  readonly #helloTimeoutMs: number;
  readonly #paths: SocketPaths;
  readonly #guard: Guard;
  readonly #attestations: Attestations;
  readonly #unnamed: UnnamedConnections;
  readonly #sessions = new Map<string, Session>();
  readonly #registered = new Map<ProcessId, Session>();
  #lastProcess: ProcessId = 0;
  #router: Router | null = null;
  #replies: ZmqSender<[Buffer, Buffer]> | null = null;
  #publisher: EventPublisher | null = null;
  #endZap: (() => void) | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: ControlServerOptions, paths: SocketPaths, guard: Guard) {
    this.#events = options.events;
    this.#helloTimeoutMs = options.helloTimeoutMs ?? TIMES.helloTimeoutMs;
    this.#paths = paths;
    this.#guard = guard;
    this.#attestations = new Attestations(LIMITS.processesMax, 2 * this.#helloTimeoutMs);
    this.#unnamed = new UnnamedConnections(this.#helloTimeoutMs, {
      onNamed: (id, lane) => this.#onLifeline(id, lane),
      onMalformed: () => this.stats.framesMalformed++,
    });
  }

  async open(): Promise<void> {
    const domain = `flowring-${this.instance}`;
    this.#endZap = await serveZap(domain, (id, who) => {
      const admitted = this.#attestations.admit(id, who, performance.now());
      if (!admitted) log('refused pid %d: its id is known as another process', who.pid);
      return admitted;
    });
    const router = new Router({
      context: zmqContext(),
      // The answer to a shutdown request is on its way when the socket closes.
      linger: STOP_LINGER_MS,
      mandatory: true,
      // A client that reopens its DEALER may be back before zeromq has noticed that the old one is gone.
      handover: true,
      plainServer: true,
      zapDomain: domain,
      sendTimeout: 0,
      sendHighWaterMark: LIMITS.requestsPerProcessMax,
    });
    router.maxMessageSize = LIMITS.controlFrameMaxBytes;
    this.#router = router;
    this.#replies = new ZmqSender<[Buffer, Buffer]>(router, {
      queueMax: REPLIES_QUEUED_MAX,
      onDropped: ([id], code) => this.#onReplyDropped(id, code),
    });
    await router.bind(`ipc://${this.#paths.ctl}`);
    this.#publisher = await EventPublisher.bind(this.#paths.pub, () => this.stats.eventsDropped++);
    void this.#receive(router);
    const greeting = encodeGreeting({
      version: CONTROL_VERSION,
      daemonPid: process.pid,
      instance: this.instance,
    });
    this.#guard.serve((socket: Socket) => this.#unnamed.add(socket, greeting));
  }

  send(process: ProcessId, message: ControlMessage): boolean {
    const session = this.#registered.get(process);
    if (session === undefined) return false;
    const isReply = message.t === 'ok' || message.t === 'error';
    if (isReply && session.outstanding.delete(message.req)) {
      this.#reply(Buffer.from(session.id, 'latin1'), message);
      return true;
    }
    return session.lane?.send(encodeControl(message)) ?? false;
  }

  drop(process: ProcessId): void {
    this.#registered.get(process)?.lane?.destroy();
  }

  publish(type: string, fields: EventFields): void {
    this.stats.eventsPublished++;
    this.#publisher?.publish(type, fields);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** The lock goes last: what is at the well-known paths after that may be the next daemon's. */
  async #stop(): Promise<void> {
    this.#unnamed.stop();
    for (const session of this.#sessions.values()) session.end();
    this.#router?.close();
    this.#publisher?.close();
    this.#endZap?.();
    rmSync(this.#paths.ctl, { force: true });
    rmSync(this.#paths.pub, { force: true });
    await this.#guard.release();
  }

  #onLifeline(id: string, lane: Session['lane'] & object): void {
    const session = this.#sessionOf(id);
    if (session.lane !== null) {
      log('refused a second lifeline of one id');
      lane.destroy();
      return;
    }
    session.lane = lane;
    session.startLifeline({
      onFrame: (frame) => this.#onLifelineFrame(session, frame),
      onClose: (reason) => this.#onLifelineClosed(session, reason),
    });
    this.#tryRegister(session);
  }

  #onLifelineFrame(session: Session, frame: Uint8Array): void {
    this.stats.framesReceived++;
    if (session.process === 0) {
      this.stats.framesUnattested++;
      return;
    }
    const message = decodeControl(frame);
    if (message === null || message.t === 'hello') {
      const { req } = peekControl(frame);
      if (req !== undefined) session.lane?.send(errorReply(req, 'FLOWRING_PROTOCOL'));
      this.#countMalformed(session);
      return;
    }
    if (message.t === 'cancel') session.outstanding.delete(message.req);
    this.#events.onMessage(session.process, message);
  }

  #onLifelineClosed(session: Session, reason: LaneCloseReason): void {
    if (reason !== 'closed') this.stats.processesDropped++;
    session.lane = null;
    this.#forget(session);
    if (session.process === 0) return;
    this.#registered.delete(session.process);
    this.stats.processes = this.#registered.size;
    this.#events.onGone(session.process);
  }

  #forget(session: Session): void {
    session.end();
    this.#sessions.delete(session.id);
    this.#attestations.forget(session.id);
  }

  async #receive(router: Router): Promise<void> {
    let sinceYield = 0;
    try {
      for await (const [id, payload, ...rest] of router) {
        this.stats.framesReceived++;
        if (id === undefined || payload === undefined || rest.length > 0) this.stats.framesMalformed++;
        else this.#onManagementFrame(id, payload);
        // zeromq resolves without leaving the microtasks while messages wait: let lifelines and timers in.
        if (++sinceYield >= FRAMES_PER_TURN) {
          sinceYield = 0;
          await new Promise<void>((resolve) => setImmediate(resolve));
        }
      }
    } catch (error) {
      if (this.#stopping === null) log('the control socket failed: %o', error);
    }
  }

  #onManagementFrame(idFrame: Buffer, payload: Buffer): void {
    const session = this.#sessions.get(idFrame.toString('latin1'));
    if (session === undefined || session.process === 0) {
      this.#onHello(idFrame, payload);
      return;
    }
    const message = decodeControl(payload);
    if (message === null) {
      this.#refuse(idFrame, peekControl(payload).req, 'FLOWRING_PROTOCOL');
      this.#countMalformed(session);
    } else if (message.t === 'hello') {
      this.#reply(idFrame, this.#welcome(message.req, session.process));
    } else if (!('req' in message) || message.t === 'ok' || message.t === 'error' || message.t === 'cancel') {
      this.#events.onMessage(session.process, message);
    } else if (session.outstanding.has(message.req)) {
      this.#countMalformed(session);
    } else if (session.outstanding.size >= LIMITS.requestsPerProcessMax) {
      this.#refuse(idFrame, message.req, 'FLOWRING_TOO_MANY', {
        limit: 'requestsPerProcessMax',
        max: LIMITS.requestsPerProcessMax,
      });
    } else {
      session.outstanding.add(message.req);
      this.#events.onMessage(session.process, message);
    }
  }

  #onHello(idFrame: Buffer, payload: Buffer): void {
    const id = idFrame.toString('latin1');
    const { type, req, version } = peekControl(payload);
    const who = this.#attestations.get(id);
    if (who === undefined) {
      this.stats.framesUnattested++;
      this.#refuse(idFrame, req, 'FLOWRING_PERMISSION', { why: 'the sender is not attested' });
      return;
    }
    // The version comes first: a hello of another version may have any other shape.
    if (type === 'hello' && version !== CONTROL_VERSION) {
      this.stats.hellosRefused++;
      this.#refuse(idFrame, req, 'FLOWRING_VERSION', {
        daemonVersion: CONTROL_VERSION,
        clientVersion: version ?? null,
      });
      return;
    }
    const hello = decodeControl(payload);
    if (hello?.t !== 'hello') {
      this.stats.framesMalformed++;
      this.#refuse(idFrame, req, 'FLOWRING_PROTOCOL', { why: 'expected a hello' });
      return;
    }
    const session = this.#sessionOf(id);
    session.hello = hello;
    this.#tryRegister(session);
  }

  #sessionOf(id: string): Session {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const session = new Session(id, this.#helloTimeoutMs, () => this.#onHelloTimeout(session));
    this.#sessions.set(id, session);
    return session;
  }

  #onHelloTimeout(session: Session): void {
    if (session.hello !== null) {
      const why = 'no lifeline of this process came';
      this.#refuse(Buffer.from(session.id, 'latin1'), session.hello.req, 'FLOWRING_TIMEOUT', { why });
    }
    if (session.lane === null) this.#forget(session);
    else session.lane.destroy();
  }

  /** Hello, attested id and lifeline have met, in whatever order: the process is known. */
  #tryRegister(session: Session): void {
    const { hello, id } = session;
    const who = this.#attestations.get(id);
    if (hello === null || who === undefined || session.lane === null || session.process !== 0) return;
    const idFrame = Buffer.from(id, 'latin1');
    const process = this.#lastProcess + 1;
    const { kind, program, path, channels, token } = hello;
    const accepted =
      this.#registered.size < LIMITS.processesMax &&
      this.#events.onProcess({
        process,
        pid: who.pid,
        uid: who.uid,
        gid: who.gid,
        startTicks: startTicksOf(who.pid),
        kind,
        program,
        path,
        channels,
        ...(token === undefined ? {} : { token }),
      });
    if (!accepted) {
      this.stats.hellosRefused++;
      session.hello = null;
      this.#refuse(idFrame, hello.req, 'FLOWRING_TOO_MANY', { max: LIMITS.processesMax });
      return;
    }
    this.#lastProcess = process;
    session.register(process);
    this.#attestations.pin(id, { uid: who.uid, gid: who.gid, pid: who.pid });
    this.#registered.set(process, session);
    this.stats.processes = this.#registered.size;
    this.#reply(idFrame, this.#welcome(hello.req, process));
  }

  #welcome(req: number, ours: ProcessId): ControlMessage<'ok'> {
    const value: Welcome = {
      process: ours,
      version: CONTROL_VERSION,
      daemonPid: process.pid,
      instance: this.instance,
    };
    return { t: 'ok', req, value };
  }

  #countMalformed(session: Session): void {
    this.stats.framesMalformed++;
    if (++session.malformed !== LIMITS.malformedFramesMax) return;
    this.stats.processesDropped++;
    session.lane?.destroy();
  }

  #refuse(idFrame: Buffer, req: number | undefined, code: ErrorCode, details?: ErrorDetails): void {
    if (req === undefined) return;
    this.#reply(idFrame, { t: 'error', req, code, ...(details === undefined ? {} : { details }) });
  }

  #reply(idFrame: Buffer, message: ControlMessage<'ok' | 'error'>): void {
    let bytes = encodeControl(message);
    if (bytes.length > LIMITS.controlReplyMaxBytes) {
      bytes = errorReply(message.req, 'FLOWRING_MESSAGE_TOO_LARGE', { max: LIMITS.controlReplyMaxBytes });
    }
    if (this.#replies?.push([idFrame, bytes]) === false) this.#onReplyDropped(idFrame, 'EAGAIN');
  }

  /** An unknown peer has left; one whose queue is full does not read, and would wait for ever. */
  #onReplyDropped(idFrame: Buffer, code: string): void {
    this.stats.repliesDropped++;
    if (code !== 'EAGAIN') return;
    this.stats.processesDropped++;
    this.#sessions.get(idFrame.toString('latin1'))?.lane?.destroy();
  }
}

function errorReply(req: number, code: ErrorCode, details?: ErrorDetails): Buffer {
  return encodeControl({ t: 'error', req, code, ...(details === undefined ? {} : { details }) });
}

/** Replies of all processes waiting for zeromq to take them. */
const REPLIES_QUEUED_MAX = 65_536;
const STOP_LINGER_MS = 200;
const FRAMES_PER_TURN = 64;

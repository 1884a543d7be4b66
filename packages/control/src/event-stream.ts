import { Subscriber, XPublisher } from 'zeromq';
import { FlowringError, LIMITS, packValue, unpackValue } from '@flowring/common';
import type { ControlEvent } from './contract.ts';
import { runtimeDir, socketPaths } from './runtime-dir.ts';
import { zmqContext } from './zmq-context.ts';
import { ZmqSender } from './zmq-sender.ts';

export type EventFields = Readonly<Record<string, string | number | boolean | null>>;

/** What a subscriber receives first: from here on it misses nothing but what it is too slow for. */
const WELCOME = 'flowring events';
const EVENTS_QUEUED_MAX = 16_384;

/** Publishes the daemon's events; those nobody subscribed to cost a number. */
export class EventPublisher {
  readonly #socket: XPublisher;
  readonly #sender: ZmqSender<Buffer>;
  readonly #onDropped: () => void;
  #hasSubscribers = false;
  #seq = 0;

  private constructor(socket: XPublisher, onDropped: () => void) {
    this.#socket = socket;
    this.#onDropped = onDropped;
    this.#sender = new ZmqSender<Buffer>(socket, { queueMax: EVENTS_QUEUED_MAX, onDropped });
  }

  static async bind(path: string, onDropped: () => void): Promise<EventPublisher> {
    const socket = new XPublisher({ context: zmqContext(), linger: 0, sendHighWaterMark: EVENTS_QUEUED_MAX });
    socket.maxMessageSize = 1_024;
    socket.welcomeMessage = WELCOME;
    await socket.bind(`ipc://${path}`);
    const publisher = new EventPublisher(socket, onDropped);
    void publisher.#followSubscriptions();
    return publisher;
  }

  publish(type: string, fields: EventFields): void {
    this.#seq += 1;
    if (!this.#hasSubscribers) return;
    const event: ControlEvent = { ...fields, seq: this.#seq, atMs: Date.now(), type };
    if (!this.#sender.push(packValue(event))) this.#onDropped();
  }

  close(): void {
    this.#socket.close();
  }

  /** XPUB tells of the first subscription (a byte 1) and the last unsubscription (a byte 0) of each prefix. */
  async #followSubscriptions(): Promise<void> {
    try {
      for await (const [frame] of this.#socket) {
        if (frame?.length === 1) this.#hasSubscribers = frame[0] === 1;
      }
    } catch {
      // Closed.
    }
  }
}

export interface SubscribeOptions {
  /** Runtime directory; default `runtimeDir()`. */
  readonly dir?: string;
  readonly onEvent: (event: ControlEvent) => void;
  /** So many events were published that never came: this subscriber was too slow, or the daemon restarted. */
  readonly onMissed?: (count: number) => void;
  /** Ends the subscription. */
  readonly signal: AbortSignal;
  /** How long to wait for the daemon; default 5 s. */
  readonly timeoutMs?: number;
}

/**
 * Subscribes to the daemon's events. Resolves when the subscription stands: whatever is published afterwards
 * arrives. It ends with `signal`. Rejects `FLOWRING_ABORTED`, `FLOWRING_IRMD_UNREACHABLE`, `FLOWRING_RUNTIME_DIR`.
 */
export async function subscribeEvents(options: SubscribeOptions): Promise<void> {
  const { pub } = socketPaths(options.dir ?? runtimeDir());
  if (options.signal.aborted) throw new FlowringError('FLOWRING_ABORTED', { cause: options.signal.reason });
  const socket = new Subscriber({ context: zmqContext(), linger: 0, reconnectInterval: 20 });
  socket.maxMessageSize = LIMITS.controlFrameMaxBytes;
  const stop = (): void => socket.close();
  options.signal.addEventListener('abort', stop, { once: true });
  socket.subscribe();
  socket.connect(`ipc://${pub}`);
  socket.receiveTimeout = options.timeoutMs ?? 5_000;
  try {
    await socket.receive();
  } catch (cause) {
    options.signal.removeEventListener('abort', stop);
    if (!socket.closed) socket.close();
    throw new FlowringError(isAborted(options.signal) ? 'FLOWRING_ABORTED' : 'FLOWRING_IRMD_UNREACHABLE', {
      cause,
    });
  }
  socket.receiveTimeout = -1;
  void follow(socket, options);
}

async function follow(socket: Subscriber, options: SubscribeOptions): Promise<void> {
  let lastSeq = 0;
  try {
    for await (const [frame] of socket) {
      const event = toEvent(frame);
      if (event === null) continue;
      if (lastSeq > 0 && event.seq > lastSeq + 1) options.onMissed?.(event.seq - lastSeq - 1);
      lastSeq = event.seq;
      if (!isAborted(options.signal)) options.onEvent(event);
    }
  } catch (error) {
    if (!socket.closed) throw error;
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function toEvent(frame: Buffer | undefined): ControlEvent | null {
  const raw = frame === undefined ? undefined : unpackValue(frame, LIMITS.controlFrameMaxBytes);
  if (typeof raw !== 'object' || raw === null) return null;
  const { seq, atMs, type } = raw as Record<string, unknown>;
  if (typeof seq !== 'number' || typeof atMs !== 'number' || typeof type !== 'string') return null;
  return raw as ControlEvent;
}

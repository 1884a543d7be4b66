import { Dealer } from 'zeromq';
import { LIMITS } from '@flowring/common';
import { zmqContext } from './zmq-context.ts';
import { ZmqSender } from './zmq-sender.ts';

/**
 * A client's zeromq lane. It is open while requests are unanswered and a little longer; then it holds nothing, so
 * that an idle program is one plain descriptor, and may end. It receives only while it waits for an answer,
 * because a pending receive keeps the event loop alive.
 */
export class ManagementLane {
  readonly #address: string;
  readonly #id: string;
  readonly #onFrame: (frame: Buffer) => void;
  #socket: Dealer | null = null;
  #sender: ZmqSender<Buffer> | null = null;
  #unanswered = 0;
  #isReceiving = false;
  #idleTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `id`: hex of the process's id. `onFrame` must lead to `answered` for each frame that answers a request. */
  constructor(path: string, id: string, onFrame: (frame: Buffer) => void) {
    this.#address = `ipc://${path}`;
    this.#id = id;
    this.#onFrame = onFrame;
  }

  /** Sends a request. False when closed or when too many wait. */
  ask(frame: Buffer): boolean {
    if (this.#isClosed) return false;
    clearTimeout(this.#idleTimer);
    if (this.#socket === null) this.#open();
    if (!this.#sender!.push(frame)) return false;
    this.#unanswered++;
    if (!this.#isReceiving) void this.#receive(this.#socket!);
    return true;
  }

  /** One request is settled, by its answer or without one. */
  settled(): void {
    this.#unanswered--;
    if (this.#unanswered > 0 || this.#socket === null) return;
    if (this.#isReceiving) {
      this.#shut();
      return;
    }
    this.#idleTimer = setTimeout(() => this.#shut(), IDLE_CLOSE_MS);
    this.#idleTimer.unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    this.#shut();
  }

  #open(): void {
    const socket = new Dealer({
      context: zmqContext(),
      linger: 0,
      routingId: this.#id,
      plainUsername: this.#id,
      reconnectInterval: RECONNECT_MS,
      sendHighWaterMark: LIMITS.requestsPerProcessMax,
      receiveHighWaterMark: LIMITS.requestsPerProcessMax,
    });
    socket.maxMessageSize = LIMITS.controlReplyMaxBytes;
    socket.connect(this.#address);
    this.#socket = socket;
    // A request that was not taken because the socket closed is settled by who closed it.
    this.#sender = new ZmqSender<Buffer>(socket, {
      queueMax: LIMITS.requestsPerProcessMax,
      onDropped: () => undefined,
    });
  }

  #shut(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#sender = null;
    this.#isReceiving = false;
  }

  async #receive(socket: Dealer): Promise<void> {
    try {
      while (this.#unanswered > 0 && this.#socket === socket) {
        this.#isReceiving = true;
        const [frame] = await socket.receive();
        if (this.#socket !== socket) return;
        this.#isReceiving = false;
        if (frame !== undefined) this.#onFrame(frame);
      }
    } catch {
      // Closed while it waited.
    }
  }
}

const IDLE_CLOSE_MS = 1_000;
const RECONNECT_MS = 20;

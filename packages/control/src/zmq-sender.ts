import { errorCode } from './runtime-dir.ts';

/** The sending half of a zeromq socket. */
export interface ZmqSendable<M> {
  send(message: M): Promise<void>;
}

export interface ZmqSenderOptions<M> {
  /** Messages waiting; one more is dropped. */
  readonly queueMax: number;
  /** A message zeromq did not take: `EHOSTUNREACH` (unknown peer), `EAGAIN` (its queue is full), `EBADF` (closed). */
  readonly onDropped: (message: M, code: string) => void;
}

/**
 * The one way to send on a zeromq socket: in order, one send in flight (a second one throws `EBUSY` out of the
 * call), a bounded queue behind it, and no error but through `onDropped`.
 */
export class ZmqSender<M> {
  readonly #socket: ZmqSendable<M>;
  readonly #options: ZmqSenderOptions<M>;
  #queue: M[] = [];
  #sending = false;

  constructor(socket: ZmqSendable<M>, options: ZmqSenderOptions<M>) {
    this.#socket = socket;
    this.#options = options;
  }

  /** False when the queue is full. */
  push(message: M): boolean {
    if (this.#queue.length >= this.#options.queueMax) return false;
    this.#queue.push(message);
    if (!this.#sending) void this.#pump();
    return true;
  }

  async #pump(): Promise<void> {
    this.#sending = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      for (const message of batch) {
        try {
          await this.#socket.send(message);
        } catch (error) {
          this.#options.onDropped(message, errorCode(error));
        }
      }
    }
    this.#sending = false;
  }
}

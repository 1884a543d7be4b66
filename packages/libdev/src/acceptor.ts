import type { ControlMessage, ErrorCode, PeerInfo, QosSpec } from '@flowring/common';
import { FlowringError } from '@flowring/common';
import type { BaseFlow } from './flow-base.ts';
import type { Flow, FlowMode, WaitOptions } from './flow-types.ts';
import type { RuntimeClock } from './clock.ts';
import { abortError, WaitQueue } from './wait-queue.ts';

export interface FlowAcceptOptions extends WaitOptions {
  /** The name to serve; the process is bound to it. Absent: every name the process is bound to. */
  readonly name?: string | undefined;
  /** Flows that the IRMd may accept for this process before it asks for them; as many again may come on leases. Default 64. */
  readonly backlogMax?: number | undefined;
  readonly mode?: FlowMode | undefined;
  /** Default of each wait for a flow, ms. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** Its abort closes the acceptor; who waits gets `FLOWRING_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** A request this process decides on. Unanswered, it ends with the requester's timeout. */
export interface Incoming {
  /** The name that was asked for. */
  readonly name: string;
  readonly qos: QosSpec;
  readonly peer: PeerInfo;
  readonly layer: string | undefined;
  /** The message that came with the request. */
  readonly data: Buffer | undefined;
  /** Why the request is not there any more. */
  readonly withdrawn: ErrorCode | undefined;
  /**
   * Takes the flow; `data` (at most `LIMITS.piggybackMaxBytes`) travels with the answer and is the requester's
   * `flow.answer`. Rejects with the code of `withdrawn`, or `FLOWRING_NOT_ALLOCATED` when already answered.
   */
  accept(options?: { readonly data?: Uint8Array; readonly mode?: FlowMode }): Promise<Flow>;
  /** The requester's allocation rejects with `code`, default `FLOWRING_REFUSED`. Too late: no effect. */
  refuse(code?: ErrorCode): void;
}

/** A queue of flows that come in. */
export interface FlowAcceptor<T = Flow> extends AsyncIterable<T>, AsyncDisposable {
  /** Flows that came and were not asked for yet. */
  readonly length: number;
  /**
   * The next one. Rejects with `FLOWRING_TIMEOUT`, `FLOWRING_ABORTED` (also after `close`), or what prevents the
   * connection to the IRMd: `FLOWRING_IRMD_UNREACHABLE`, `FLOWRING_VERSION`. The IRMd's restart is survived.
   */
  accept(options?: WaitOptions): Promise<T>;
  /** Stops accepting and ends the flows nobody took. Idempotent. */
  close(): Promise<void>;
  /** Leaving the loop closes the acceptor; `close` ends the loop. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T>;
}

/** What an offer became: an attached flow, or a request to decide on. */
export type Offered = BaseFlow | (Incoming & { drop(): void });

/** What an acceptor needs of its runtime. */
export interface AcceptorHost {
  readonly clock: RuntimeClock;
  /** Sends when connected; else the runtime calls {@link Acceptor.connected} later. */
  sendNow(message: ControlMessage): boolean;
  /** Has the runtime connect; `unreachable` is called when it cannot. */
  wantConnection(): void;
  acceptorClosed(acceptor: Acceptor): void;
}

const BACKLOG_DEFAULT = 64;

/** Grants credit to the IRMd and queues what it offers. */
export class Acceptor implements FlowAcceptor<Offered> {
  readonly id: number;
  readonly options: FlowAcceptOptions;
  readonly decide: boolean;
  readonly #host: AcceptorHost;
  readonly #waiters: WaitQueue<undefined, Offered>;
  readonly #backlogMax: number;
  #queue: Offered[] = [];
  /** Offers the IRMd may still make. */
  #credit = 0;
  /** Offers that may still be granted. */
  #budget: number;
  #closed = false;

  /** `budget`: how many flows it accepts in its life. */
  constructor(
    host: AcceptorHost,
    id: number,
    options: FlowAcceptOptions,
    decide: boolean,
    budget = Infinity,
  ) {
    this.#host = host;
    this.id = id;
    this.options = options;
    this.decide = decide;
    this.#budget = budget;
    this.#backlogMax = options.backlogMax ?? BACKLOG_DEFAULT;
    this.#waiters = new WaitQueue(host.clock);
    if (options.signal?.aborted === true) this.#closed = true;
    else options.signal?.addEventListener('abort', this);
  }

  get length(): number {
    return this.#queue.length;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  accept(options?: WaitOptions): Promise<Offered> {
    if (this.#closed) return Promise.reject(this.#closedError());
    const offered = this.#queue.shift();
    if (offered !== undefined) {
      this.#grant();
      return Promise.resolve(offered);
    }
    this.#host.wantConnection();
    return this.#waiters.wait(0, undefined, options, this.options.timeoutMs);
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.options.signal?.removeEventListener('abort', this);
    this.#host.sendNow({ t: 'accept-close', acceptor: this.id });
    this.#host.acceptorClosed(this);
    this.#waiters.rejectAll(() => this.#closedError());
    for (const offered of this.#queue.splice(0)) dropOffered(offered);
    return Promise.resolve();
  }

  /** The abort listener. */
  handleEvent(): void {
    void this.close();
  }

  /** A (new) connection is there, on which nothing is granted yet. */
  connected(): void {
    this.#budget += this.#credit;
    this.#credit = 0;
    this.#grant();
  }

  /** The connection cannot be made. */
  unreachable(error: unknown): void {
    this.#waiters.rejectAll(() => error);
  }

  /** Takes a flow now that its client opened without the IRMd: never ahead of those that wait there for credit. */
  get takesLeased(): boolean {
    const open = !this.#closed && !this.decide && this.#budget === Infinity;
    return open && this.#credit > 0 && this.#queue.length < this.#backlogMax;
  }

  /** `leased`: on none of the credit given to the IRMd. */
  offered(offered: Offered, leased = false): void {
    if (!leased && this.#credit > 0) this.#credit--;
    if (this.#waiters.length > 0) this.#waiters.shift().resolve(offered);
    else this.#queue.push(offered);
    this.#grant();
  }

  /** The request was withdrawn before anybody took it. */
  withdrawn(offered: Offered): void {
    const at = this.#queue.indexOf(offered);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    this.#grant();
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Offered> {
    try {
      for (;;) {
        const offered = await this.accept().catch((error: unknown) => {
          if (this.#closed && this.options.signal?.aborted !== true) return null;
          throw error;
        });
        if (offered === null) return;
        yield offered;
      }
    } finally {
      await this.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Keeps the credit between half the backlog and all of it, so that one grant serves many flows. */
  #grant(): void {
    if (this.#closed) return;
    const room = Math.min(this.#backlogMax - this.#queue.length - this.#credit, this.#budget);
    if (room <= 0 || (this.#credit > 0 && room * 2 < this.#backlogMax)) return;
    const { name } = this.options;
    const { id, decide } = this;
    const message = {
      t: 'accept',
      acceptor: id,
      add: room,
      decide,
      ...(name !== undefined && { name }),
    } as const;
    if (!this.#host.sendNow(message)) return;
    this.#credit += room;
    this.#budget -= room;
  }

  #closedError(): FlowringError {
    const { signal } = this.options;
    if (signal?.aborted === true) return abortError(signal);
    return new FlowringError('FLOWRING_ABORTED', { message: 'the acceptor was closed' });
  }
}

export function dropOffered(offered: Offered): void {
  if ('drop' in offered) offered.drop();
  else offered.abort();
}

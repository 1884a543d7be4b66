import type { ControlMessage, ErrorCode } from '@flowring/common';
import { createLogger, isFlowringError } from '@flowring/common';
import type { PeerAddress } from '../core/fa-flow.ts';
import type { Directory } from '../layers/layer.ts';
import type { AppFlow } from './app-flow.ts';

const log = createLogger('ipcpd');

/** Peers tried for one allocation. */
const HOLDERS_MAX = 4;
/** Refusals that say: not here. Another holder of the name may take the flow. */
const NOT_HERE: ReadonlySet<ErrorCode> = new Set([
  'FLOWRING_NAME_UNKNOWN',
  'FLOWRING_NO_ACCEPTOR',
  'FLOWRING_PEER_GONE',
  'FLOWRING_UNREACHABLE_NAME',
]);

/** What the search wants done. */
export interface HolderSearchEvents {
  /** Ask this peer for the flow. */
  ask(peer: PeerAddress, timeoutMs: number): void;
  /** Nobody takes it. */
  refused(code: ErrorCode): void;
}

/** One allocation's way through those who have the name, one after the other, within its timeout. */
export class HolderSearch {
  readonly app: AppFlow;
  readonly #message: ControlMessage<'ipcp-alloc'>;
  readonly #directory: Directory;
  readonly #events: HolderSearchEvents;
  readonly #endsMs: number;
  readonly #tried: PeerAddress[] = [];
  #over = false;

  constructor(
    app: AppFlow,
    message: ControlMessage<'ipcp-alloc'>,
    directory: Directory,
    events: HolderSearchEvents,
  ) {
    this.app = app;
    this.#message = message;
    this.#directory = directory;
    this.#events = events;
    this.#endsMs = performance.now() + message.timeoutMs;
  }

  start(): void {
    this.#next('FLOWRING_NAME_UNKNOWN');
  }

  //= R-DIR-03
  /** The peer asked last has not taken the flow. */
  refused(code: ErrorCode): void {
    const peer = this.#tried.at(-1);
    if (peer !== undefined && (NOT_HERE.has(code) || code === 'FLOWRING_TIMEOUT')) {
      this.#directory.failed?.(this.#message.name, peer);
    }
    if (NOT_HERE.has(code) && this.#tried.length < HOLDERS_MAX) this.#next(code);
    else this.#events.refused(code);
  }

  /** Nobody waits for the flow any more. */
  cancel(): void {
    this.#over = true;
  }

  #next(otherwise: ErrorCode): void {
    const found = (peer: PeerAddress | null): void => {
      if (this.#over) return;
      const leftMs = Math.floor(this.#endsMs - performance.now());
      if (peer === null || this.#tried.includes(peer) || leftMs < 1) return this.#events.refused(otherwise);
      this.#tried.push(peer);
      this.#events.ask(peer, this.#tried.length === 1 ? this.#message.timeoutMs : leftMs);
    };
    const answer = this.#directory.lookup(this.#message.name);
    if (!(answer instanceof Promise)) return found(answer);
    //= R-DIR-02
    answer.then(found, (error: unknown) => {
      log('the directory failed for %s: %O', this.#message.name, error);
      if (!this.#over) this.#events.refused(isFlowringError(error) ? error.code : 'FLOWRING_INTERNAL');
    });
  }
}

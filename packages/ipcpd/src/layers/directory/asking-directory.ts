import { FlowringError } from '@flowring/common';
import { CoreTimer } from '../../adapters/core-timer.ts';
import { monotonicUs } from '../../adapters/monotonic-clock.ts';
import { randomU32 } from '../../adapters/random-u32.ts';
import type { PeerAddress } from '../../core/fa-flow.ts';
import type { QueryInput, QueryOutput } from '../../core/directory/query.ts';
import { QUERIES_MAX, QueryDirectory } from '../../core/directory/query.ts';
import type { Directory } from '../layer.ts';
import type { DirectoryHost } from './directory-host.ts';

interface Waiting {
  readonly found: (peer: PeerAddress | null) => void;
  readonly failed: (error: FlowringError) => void;
}

/** Time and promises for a {@link QueryDirectory}. */
export class AskingDirectory implements Directory {
  readonly #core: QueryDirectory;
  readonly #host: DirectoryHost;
  readonly #waiting = new Map<number, Waiting>();
  readonly #timer = new CoreTimer(() => this.#due());
  #lastTicket = 0;
  #closed = false;

  constructor(host: DirectoryHost) {
    const { self, peers } = host;
    this.#host = host;
    this.#core = new QueryDirectory({ self, peers, random: randomU32 });
  }

  register(name: string): void {
    this.#input({ t: 'register', name });
  }

  unregister(name: string): void {
    this.#input({ t: 'unregister', name });
  }

  /** Rejects `FLOWRING_DIRECTORY` when no peer answers. */
  lookup(name: string): PeerAddress | null | Promise<PeerAddress | null> {
    const ticket = (this.#lastTicket += 1);
    let answer: PeerAddress | null | undefined;
    let failure: FlowringError | undefined;
    this.#waiting.set(ticket, { found: (peer) => (answer = peer), failed: (error) => (failure = error) });
    this.#input({ t: 'lookup', name, ticket });
    if (answer !== undefined) return answer;
    if (failure !== undefined) return Promise.reject(failure);
    return new Promise((found, failed) => this.#waiting.set(ticket, { found, failed }));
  }

  failed(name: string, peer: PeerAddress): void {
    this.#input({ t: 'failed', name, peer });
  }

  onPdu(peer: PeerAddress, pdu: Uint8Array): void {
    this.#input({ t: 'pdu', peer, pdu });
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#core.stats };
  }

  close(): void {
    this.#closed = true;
    this.#timer.close();
    for (const { failed } of this.#waiting.values()) failed(new FlowringError('FLOWRING_ABORTED'));
    this.#waiting.clear();
  }

  #input(input: QueryInput): void {
    if (this.#closed) return;
    this.#carryOut(this.#core.handle(input, monotonicUs()));
    this.#timer.arm(this.#core.nextTimeout());
  }

  #carryOut(outputs: readonly QueryOutput[]): void {
    for (const output of outputs) {
      if (output.t === 'send') {
        this.#host.sendPdu(output.peer, output.pdu);
        continue;
      }
      const waiting = this.#waiting.get(output.ticket);
      this.#waiting.delete(output.ticket);
      if (output.t === 'found') waiting?.found(output.peer);
      else waiting?.failed(failureOf(output.reason));
    }
  }

  #due(): void {
    this.#carryOut(this.#core.handleTimeout(monotonicUs()));
    this.#timer.arm(this.#core.nextTimeout());
  }
}

function failureOf(reason: 'too-many' | 'silent'): FlowringError {
  if (reason === 'silent') {
    return new FlowringError('FLOWRING_DIRECTORY', { message: 'no peer of the layer answers the directory' });
  }
  return new FlowringError('FLOWRING_TOO_MANY', { details: { limit: 'QUERIES_MAX', value: QUERIES_MAX } });
}

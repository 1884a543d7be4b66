import type { ErrorCode, PeerInfo, QosSpec } from '@flowring/common';
import { FlowringError } from '@flowring/common';
import type { Incoming } from './acceptor.ts';
import type { ChannelLink } from './channel-link.ts';
import type { FlowSeed } from './flow-host.ts';
import type { Flow, FlowMode } from './flow-types.ts';
import type { Session } from './session.ts';

/** A request that waits for this process's decision. */
export class IncomingRequest implements Incoming {
  readonly #session: Session;
  readonly #link: ChannelLink;
  readonly #seed: FlowSeed;
  #answered = false;
  #withdrawn: ErrorCode | undefined;

  constructor(session: Session, link: ChannelLink, seed: FlowSeed) {
    this.#session = session;
    this.#link = link;
    this.#seed = seed;
  }

  get name(): string {
    return this.#seed.name;
  }

  get qos(): QosSpec {
    return this.#seed.qos;
  }

  get peer(): PeerInfo {
    return this.#seed.peer;
  }

  get layer(): string | undefined {
    return this.#seed.layer;
  }

  get data(): Buffer | undefined {
    return this.#seed.data && Buffer.from(this.#seed.data);
  }

  get withdrawn(): ErrorCode | undefined {
    return this.#withdrawn;
  }

  accept(options: { readonly data?: Uint8Array; readonly mode?: FlowMode } = {}): Promise<Flow> {
    const error = this.#answer();
    if (error !== null) return Promise.reject(error);
    const { data, mode } = options;
    const flow = this.#link.join({ ...this.#seed, mode });
    this.#session.send({ t: 'answer', flow: this.#seed.id, ...(data && { data }) });
    return Promise.resolve(flow);
  }

  refuse(code: ErrorCode = 'FLOWRING_REFUSED'): void {
    if (this.#answer() !== null) return;
    this.#link.channel.discard(this.#seed.id);
    this.#session.send({ t: 'answer', flow: this.#seed.id, code });
  }

  /** Nobody took it. */
  drop(): void {
    this.refuse('FLOWRING_NO_ACCEPTOR');
  }

  withdraw(code: ErrorCode): void {
    this.#withdrawn = code;
    this.#link.channel.discard(this.#seed.id);
  }

  #answer(): FlowringError | null {
    const { id, name } = this.#seed;
    if (this.#withdrawn !== undefined)
      return new FlowringError(this.#withdrawn, { details: { flow: id, name } });
    if (this.#answered) {
      const message = 'the request was already answered';
      return new FlowringError('FLOWRING_NOT_ALLOCATED', { message, details: { flow: id, name } });
    }
    this.#answered = true;
    this.#session.decided(id);
    return null;
  }
}

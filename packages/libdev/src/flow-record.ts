import type { FlowId, PeerInfo, QosSpec } from '@flowring/common';
import { checkTimeout } from './flow-errors.ts';
import type { FlowExtras, FlowHost, FlowObserver, FlowSeed } from './flow-host.ts';
import type { CloseReason, FlowStats } from './flow-types.ts';

/** What a flow is and what it counted: the part without behaviour. */
export abstract class FlowRecord {
  readonly id: FlowId;
  readonly name: string;
  readonly qos: QosSpec;
  readonly peer: PeerInfo;
  protected readonly host: FlowHost;
  protected reason: CloseReason | null = null;
  /** The set the flow is in. */
  observer: FlowObserver | null = null;
  #extras: FlowExtras | null = null;
  #messagesRead = 0;
  #bytesRead = 0;
  #messagesWritten = 0;
  #bytesWritten = 0;

  constructor(host: FlowHost, seed: FlowSeed) {
    this.host = host;
    this.id = seed.id;
    this.name = seed.name;
    this.qos = seed.qos;
    this.peer = seed.peer;
    if (seed.layer === undefined && seed.data === undefined && seed.answer === undefined) return;
    const extras = this.extra();
    extras.layer = seed.layer;
    extras.data = seed.data && Buffer.from(seed.data);
    extras.answer = seed.answer && Buffer.from(seed.answer);
  }

  get layer(): string | undefined {
    return this.#extras?.layer;
  }

  get data(): Buffer | undefined {
    return this.#extras?.data;
  }

  get answer(): Buffer | undefined {
    return this.#extras?.answer;
  }

  get readTimeoutMs(): number | undefined {
    return this.#extras?.readTimeoutMs;
  }

  set readTimeoutMs(value: number | undefined) {
    this.extra().readTimeoutMs = checkTimeout(value);
  }

  get writeTimeoutMs(): number | undefined {
    return this.#extras?.writeTimeoutMs;
  }

  set writeTimeoutMs(value: number | undefined) {
    this.extra().writeTimeoutMs = checkTimeout(value);
  }

  get stats(): FlowStats {
    return {
      messagesRead: this.#messagesRead,
      bytesRead: this.#bytesRead,
      messagesWritten: this.#messagesWritten,
      bytesWritten: this.#bytesWritten,
    };
  }

  get closed(): Promise<CloseReason> {
    const extras = this.extra();
    if (extras.closed === undefined) {
      extras.closed =
        this.reason !== null
          ? Promise.resolve(this.reason)
          : new Promise((resolve) => (extras.settleClosed = resolve));
    }
    return extras.closed;
  }

  protected counted(message: Buffer): Buffer {
    this.countedBytes(message.length);
    return message;
  }

  protected countedBytes(bytes: number): number {
    this.#messagesRead++;
    this.#bytesRead += bytes;
    return bytes;
  }

  protected wrote(bytes: number): void {
    this.#messagesWritten++;
    this.#bytesWritten += bytes;
  }

  protected settle(reason: CloseReason): void {
    if (this.reason !== null) return;
    this.reason = reason;
    this.#extras?.settleClosed?.(reason);
  }

  private extra(): FlowExtras {
    return (this.#extras ??= {
      layer: undefined,
      data: undefined,
      answer: undefined,
      readTimeoutMs: undefined,
      writeTimeoutMs: undefined,
      closed: undefined,
      settleClosed: undefined,
    });
  }
}

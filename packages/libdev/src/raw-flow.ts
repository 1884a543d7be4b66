import type { SlabUse } from '@flowring/channel';
import type { WriteOutcome } from './flow-types.ts';
import type { FlowHost, FlowSeed } from './flow-host.ts';
import { BaseFlow, WRITE } from './flow-base.ts';
import { messageView } from './message-view.ts';
import { RawQueue } from './raw-queue.ts';

/** Queues not in use: an idle flow owns none, a busy one always finds one. */
const spareQueues: RawQueue[] = [];
const SPARE_QUEUES_MAX = 64;

/** A flow on which nothing runs: a write is a record of the channel. */
export class RawFlow extends BaseFlow {
  messageMaxBytes: number;
  #queue: RawQueue | null = null;
  /** In the host's list of flows to compact in the next turn. */
  #listed = false;
  /** The channel said `would-block` and has not called `onWritable` since. */
  #blocked = false;

  constructor(host: FlowHost, seed: FlowSeed, messageMaxBytes: number) {
    super(host, seed);
    this.messageMaxBytes = messageMaxBytes;
  }

  get rxQueueLength(): number {
    return this.#queued + this.restMessages;
  }

  get #queued(): number {
    return this.#queue === null ? 0 : this.#queue.length;
  }

  override onMessage(slab: Buffer, start: number, end: number, use: SlabUse): void {
    if (this.isLeaving) {
      this.port!.consumed(end - start);
      return;
    }
    if (this.#queued === 0 && this.messageReaderWaits) {
      this.port!.consumed(end - start);
      use.isKept = true;
      this.handOver(messageView(slab, start, end));
      return;
    }
    this.#queueOfSlabs().push(slab, start, end, use);
    this.serveReaders();
  }

  onMessageRun(
    slab: Buffer,
    start: number,
    strideBytes: number,
    messageBytes: number,
    count: number,
    use: SlabUse,
  ): void {
    let at = start;
    const end = start + count * strideBytes;
    for (; at < end && (this.isLeaving || this.messageReaderWaits); at += strideBytes)
      this.onMessage(slab, at, at + messageBytes, use);
    if (at === end) return;
    this.#queueOfSlabs().pushRun(slab, at, strideBytes, messageBytes, (end - at) / strideBytes, use);
    this.serveReaders();
  }

  override pathChanged(mtuBytes: number): void {
    this.messageMaxBytes = mtuBytes;
  }

  override onWritable(): void {
    this.#blocked = false;
    this.serveWriters();
  }

  override compact(): void {
    this.#listed = false;
    if (this.#queued > 0) this.#queue!.compact();
    else this.#releaseQueue();
  }

  override inspectTransport(): Readonly<Record<string, unknown>> {
    return { service: 'raw', inFlightBytes: this.port?.inFlightBytes ?? 0 };
  }

  protected override take(): Buffer | null {
    const queue = this.#queue;
    if (queue === null || queue.length === 0) return null;
    const message = queue.shift();
    this.#taken(queue, message.length);
    return message;
  }

  protected override takeInto(target: Uint8Array): number {
    const queue = this.#queue!;
    const bytes = queue.shiftInto(target);
    this.#taken(queue, bytes);
    return bytes;
  }

  #taken(queue: RawQueue, bytes: number): void {
    if (queue.length === 0 && !this.#listed) this.#releaseQueue();
    this.port!.consumed(bytes);
  }

  protected override nextBytes(): number {
    return this.#queued === 0 ? -1 : this.#queue!.headBytes;
  }

  protected override put(message: Uint8Array): WriteOutcome {
    if (message.length > this.messageMaxBytes) return 'too-large';
    const outcome = this.port!.trySend(message);
    if (outcome === 'would-block') this.#blocked = true;
    return outcome;
  }

  protected override canPut(): boolean {
    return !this.#blocked;
  }

  protected override startDrain(): boolean {
    return true;
  }

  protected override undelivered(): number {
    let count = 0;
    for (let at = this.writers?.head ?? null; at !== null; at = at.next) if (at.kind === WRITE) count++;
    return count;
  }

  /** What was sent before the end record is where it is. */
  protected override get hasAllOfPeer(): boolean {
    return true;
  }

  protected override beforeEnd(): void {
    this.#queue = null;
  }

  protected override get lingerMaxMs(): number {
    return Infinity;
  }

  #queueOfSlabs(): RawQueue {
    if (!this.#listed) {
      this.#listed = true;
      this.host.holdsSlabs(this);
    }
    return (this.#queue ??= spareQueues.pop() ?? new RawQueue());
  }

  #releaseQueue(): void {
    if (this.#queue !== null && spareQueues.length < SPARE_QUEUES_MAX) spareQueues.push(this.#queue);
    this.#queue = null;
  }
}

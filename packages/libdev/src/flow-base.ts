import type { EndErrno, FlowPort, FlowReceiver, SlabUse } from '@flowring/channel';
import { CLEAN_END } from '@flowring/channel';
import type { ErrorCode } from '@flowring/common';
import { codeOfErrno, errnoOf, FlowringError } from '@flowring/common';
import type {
  CloseReason,
  DeallocOptions,
  Flow,
  FlowEventType,
  FlowMode,
  ReadIntoOptions,
  WaitOptions,
  WriteOutcome,
} from './flow-types.ts';
import type { FlowHost, FlowSeed } from './flow-host.ts';
import { invalid, messageTooLarge, notAllocated, permission } from './flow-errors.ts';
import { FlowRecord } from './flow-record.ts';
import { abortError, WaitQueue, type Waiter } from './wait-queue.ts';

export const READ = 0;
export const READ_INTO = 1;
export const READABLE = 2;
export const WRITE = 3;
export const WRITABLE = 4;
export const DRAIN = 5;
const READ_PART = 6;

const MAY_READ = 1;
const MAY_WRITE = 2;
/** The peer's end arrived, or the channel went down. */
const PEER_ENDED = 4;
/** The own `dealloc` was called. */
const CLOSING = 8;
const CLOSED = 16;
const WRITE_STATE = MAY_WRITE | PEER_ENDED | CLOSING | CLOSED;

const MODE_BITS: Readonly<Record<FlowMode, number>> = {
  'read-write': MAY_READ | MAY_WRITE,
  'read-only': MAY_READ,
  'write-only': MAY_WRITE,
};

const DONE: Promise<void> = Promise.resolve();
const DEFAULT_LINGER_MS = 10_000;

type ReadResult = Buffer | number | null | undefined;
type Reader = Waiter<Uint8Array | undefined, ReadResult>;

/**
 * Everything a flow does that does not depend on whether FRCP runs on it. A class with `#methods` costs each of its
 * objects a field; a process may have ten thousand flows, so these are `private`.
 */
export abstract class BaseFlow extends FlowRecord implements Flow, FlowReceiver {
  protected port: FlowPort | null = null;
  protected readers: WaitQueue<Uint8Array | undefined, ReadResult> | null = null;
  protected writers: WaitQueue<Uint8Array | undefined, undefined> | null = null;
  #flags: number;
  #endErrno: EndErrno = CLEAN_END;
  /** What is left of a message read in part. */
  #rest: Buffer | null = null;
  constructor(host: FlowHost, seed: FlowSeed) {
    super(host, seed);
    this.#flags = MODE_BITS[seed.mode ?? 'read-write'];
  }

  /** The oldest received message, or `null` when there is none. */
  protected abstract take(): Buffer | null;
  /** Copies the oldest received message to the start of `target`, where it fits; there is one. Returns its bytes. */
  protected abstract takeInto(target: Uint8Array): number;
  /** Bytes of the oldest received message; -1 when there is none. */
  protected abstract nextBytes(): number;
  protected abstract put(message: Uint8Array): WriteOutcome;
  /** All writes were accepted and `dealloc` waits: true when nothing more is to come. */
  protected abstract startDrain(): boolean;
  /** Own messages that the peer may never see. */
  protected abstract undelivered(): number;
  /** What the own clean end tells a peer that leaves too: whether all it wrote has arrived, its end included. */
  protected abstract readonly hasAllOfPeer: boolean;
  /** The last words before the end record. */
  protected abstract beforeEnd(clean: boolean): void;
  /** Drops references to slabs that a slow reader would keep. */
  abstract compact(): void;
  abstract readonly rxQueueLength: number;
  abstract readonly messageMaxBytes: number;
  abstract onMessage(slab: Buffer, start: number, end: number, use: SlabUse): void;
  abstract inspectTransport(): Readonly<Record<string, unknown>>;
  protected abstract readonly lingerMaxMs: number;

  /** What carries the flow carries larger messages than before, or only smaller ones. */
  abstract pathChanged(mtuBytes: number): void;

  /** Joins the flow to its channel; once, before anything else. */
  attached(port: FlowPort): void {
    this.port = port;
  }

  get tellsUse(): boolean {
    return true;
  }

  get txQueueLength(): number {
    return this.undelivered();
  }

  get isOpen(): boolean {
    return (this.#flags & (PEER_ENDED | CLOSING | CLOSED)) === 0;
  }

  /** Whether `tryRead` would give something: a message, or the end. */
  get isReadable(): boolean {
    return this.rxQueueLength > 0 || (this.#flags & PEER_ENDED) !== 0;
  }

  get mode(): FlowMode {
    const bits = this.#flags & (MAY_READ | MAY_WRITE);
    return bits === MAY_READ ? 'read-only' : bits === MAY_WRITE ? 'write-only' : 'read-write';
  }

  set mode(mode: FlowMode) {
    if (!Object.hasOwn(MODE_BITS, mode)) throw invalid('mode is read-write, read-only or write-only');
    this.#flags = (this.#flags & ~(MAY_READ | MAY_WRITE)) | MODE_BITS[mode];
  }

  /** Whether the own `dealloc` or `abort` was called. */
  get isLeft(): boolean {
    return (this.#flags & (CLOSING | CLOSED)) !== 0;
  }

  /** The event of the peer's end, once that came. */
  get endEvent(): FlowEventType | undefined {
    if ((this.#flags & PEER_ENDED) === 0) return undefined;
    if (this.#endErrno === CLEAN_END) return 'DEALLOC';
    return codeOfErrno(this.#endErrno) === 'FLOWRING_PEER_GONE' ? 'PEER' : 'DOWN';
  }

  tryRead(): Buffer | 'would-block' | null {
    this.checkRead();
    if (this.readers !== null && this.readers.length > 0) return 'would-block';
    const message = this.next();
    if (message !== null) return message;
    if ((this.#flags & PEER_ENDED) === 0) return 'would-block';
    return this.end();
  }

  read(options?: WaitOptions): Promise<Buffer | null> {
    return this.startRead(READ, undefined, options) as Promise<Buffer | null>;
  }

  tryReadInto(target: Uint8Array): number | 'would-block' | null {
    this.checkRead();
    if (this.readers !== null && this.readers.length > 0) return 'would-block';
    if (this.isReadable) return this.takeFor(READ_INTO, target) as number | null;
    return 'would-block';
  }

  readInto(target: Uint8Array, options?: ReadIntoOptions): Promise<number | null> {
    if (!ArrayBuffer.isView(target)) return Promise.reject(invalid('target must be a Uint8Array'));
    const kind = options?.partial === true ? READ_PART : READ_INTO;
    return this.startRead(kind, target, options) as Promise<number | null>;
  }

  get restBytes(): number {
    return this.#rest === null ? 0 : this.#rest.length;
  }

  /** Messages that `rxQueueLength` counts for the one read in part. */
  protected get restMessages(): number {
    return this.#rest === null ? 0 : 1;
  }

  /** The rest of a message read in part, else the next message. */
  private next(): Buffer | null {
    const rest = this.#rest;
    if (rest !== null) {
      this.#rest = null;
      return rest;
    }
    const message = this.take();
    return message === null ? null : this.counted(message);
  }

  readable(options?: WaitOptions): Promise<void> {
    return this.startRead(READABLE, undefined, options) as Promise<undefined>;
  }

  tryWrite(message: Uint8Array): WriteOutcome {
    if ((this.#flags & WRITE_STATE) !== MAY_WRITE) {
      if ((this.#flags & (CLOSING | CLOSED | PEER_ENDED)) !== 0) return 'closed';
      throw permission('read-only');
    }
    if (this.writers !== null && this.writers.length > 0) return 'would-block';
    const outcome = this.put(message);
    if (outcome === 'sent') this.wrote(message.length);
    return outcome;
  }

  write(message: Uint8Array, options?: WaitOptions): Promise<void> {
    if (!ArrayBuffer.isView(message)) return Promise.reject(invalid('a message must be a Uint8Array'));
    if (options?.signal?.aborted === true) return Promise.reject(abortError(options.signal));
    if ((this.#flags & WRITE_STATE) !== MAY_WRITE) return Promise.reject(this.writeError());
    if (this.writers === null || this.writers.length === 0) {
      const outcome = this.put(message);
      if (outcome === 'sent') {
        this.wrote(message.length);
        return DONE;
      }
      if (outcome === 'too-large') return Promise.reject(this.tooLarge(message.length));
      if (outcome === 'closed') return Promise.reject(this.writeError());
    } else if (message.length > this.messageMaxBytes) {
      return Promise.reject(this.tooLarge(message.length));
    }
    return this.writeQueue().wait(WRITE, message, options, this.writeTimeoutMs);
  }

  writable(options?: WaitOptions): Promise<void> {
    if ((this.#flags & WRITE_STATE) !== MAY_WRITE) return Promise.reject(this.writeError());
    if ((this.writers === null || this.writers.length === 0) && this.canPut()) return DONE;
    return this.writeQueue().wait(WRITABLE, undefined, options, this.writeTimeoutMs);
  }

  /** Whether `put` would take a message now. */
  protected abstract canPut(): boolean;

  async dealloc(options: DeallocOptions = {}): Promise<void> {
    if ((this.#flags & (CLOSING | CLOSED)) !== 0) throw notAllocated(this.id);
    this.#flags |= CLOSING;
    this.readers?.rejectAll(() => notAllocated(this.id));
    const undelivered = await this.linger(options);
    const errno = undelivered === 0 && this.hasAllOfPeer ? CLEAN_END : errnoOf('FLOWRING_FLOW_DOWN');
    this.finish(errno, { by: 'local', unackedSdus: undelivered });
    if (undelivered === 0) return;
    throw new FlowringError('FLOWRING_UNACKED', { details: { flow: this.id, unackedSdus: undelivered } });
  }

  abort(code: ErrorCode = 'FLOWRING_FLOW_DOWN'): void {
    if ((this.#flags & CLOSED) !== 0) return;
    this.finish(errnoOf(code), { by: 'local', code, unackedSdus: this.undelivered() });
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    for (;;) {
      const message = await this.read().catch((error: unknown) => {
        if ((this.#flags & (CLOSING | CLOSED)) !== 0) return null;
        throw error;
      });
      if (message === null) return;
      yield message;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if ((this.#flags & (CLOSING | CLOSED)) !== 0) return;
    await this.dealloc();
  }

  inspect(): Readonly<Record<string, unknown>> {
    return {
      id: this.id,
      name: this.name,
      state: (this.#flags & CLOSED) !== 0 ? 'closed' : (this.#flags & CLOSING) !== 0 ? 'closing' : 'open',
      end: this.reason,
      mode: this.mode,
      readsWaiting: this.readers?.length ?? 0,
      writesWaiting: this.writers?.length ?? 0,
      rxQueueLength: this.rxQueueLength,
      ...this.stats,
      ...this.inspectTransport(),
    };
  }

  abstract onWritable(): void;

  onEnd(errno: EndErrno): void {
    this.ended(errno);
  }

  /** The peer ended, or nothing carries the flow any more. What was received stays readable. */
  protected ended(errno: EndErrno): void {
    if ((this.#flags & (PEER_ENDED | CLOSED)) !== 0) return;
    this.#flags |= PEER_ENDED;
    this.#endErrno = errno;
    const code = errno === CLEAN_END ? undefined : codeOfErrno(errno);
    const unackedSdus = this.undelivered();
    this.settle(code === undefined ? { by: 'peer', unackedSdus } : { by: 'lost', code, unackedSdus });
    this.serveReaders();
    this.writers?.rejectAll(() => this.writeError());
    this.observer?.notify(this, this.endEvent!);
  }

  /** Messages arrived: give them to who waits. */
  protected serveReaders(): void {
    const readers = this.readers;
    if (readers !== null) {
      while (readers.head !== null && this.isReadable) this.serve(readers.head.kind);
    }
    if (this.observer !== null && this.rxQueueLength > 0) {
      this.observer.notify(this, 'PKT');
    }
  }

  /** Room appeared: send what waits, in order. */
  protected serveWriters(): void {
    const writers = this.writers;
    if (writers === null) return;
    for (let head = writers.head; head !== null; head = writers.head) {
      if (head.kind === WRITABLE) {
        if (!this.canPut()) return;
        writers.shift().resolve(undefined);
        continue;
      }
      if (head.kind === DRAIN) {
        if (this.startDrain()) writers.shift().resolve(undefined);
        return;
      }
      const outcome = this.put(head.payload!);
      if (outcome === 'would-block') return;
      writers.shift();
      if (outcome === 'sent') {
        this.wrote(head.payload!.length);
        head.resolve(undefined);
      } else head.reject(outcome === 'too-large' ? this.tooLarge(head.payload!.length) : this.writeError());
    }
  }

  /** A lingering `dealloc` has nothing more to wait for. */
  protected drained(): void {
    if (this.writers?.head?.kind === DRAIN) this.writers.shift().resolve(undefined);
  }

  /** Whether the first in line wants a message as it is: then it can have it without a queue between. */
  protected get messageReaderWaits(): boolean {
    return this.readers !== null && this.readers.head !== null && this.readers.head.kind === READ;
  }

  /** Gives a message to the first in line. */
  protected handOver(message: Buffer): void {
    this.nextReader().resolve(this.counted(message));
  }

  /** The own `dealloc` or `abort` was called: nothing is delivered any more. */
  protected get isLeaving(): boolean {
    return (this.#flags & (CLOSING | CLOSED)) !== 0;
  }

  protected get isClosed(): boolean {
    return (this.#flags & CLOSED) !== 0;
  }

  protected get isPeerEnded(): boolean {
    return (this.#flags & PEER_ENDED) !== 0;
  }

  private startRead(
    kind: number,
    target: Uint8Array | undefined,
    options: WaitOptions | undefined,
  ): Promise<unknown> {
    try {
      this.checkRead();
      if (options?.signal?.aborted === true) throw abortError(options.signal);
      if (this.isReadable && (this.readers === null || this.readers.length === 0)) {
        return Promise.resolve(this.takeFor(kind, target));
      }
    } catch (error) {
      const reason = error as FlowringError;
      return Promise.reject(reason);
    }
    this.readers ??= new WaitQueue(this.host.clock);
    return this.readers.wait(kind, target, options, this.readTimeoutMs);
  }

  private serve(kind: number): void {
    const waiter = this.nextReader();
    try {
      waiter.resolve(this.takeFor(kind, waiter.payload));
    } catch (error) {
      waiter.reject(error);
    }
  }

  /** Takes out the first in line; a queue that is empty is not kept, since most flows never have a second reader. */
  private nextReader(): Reader {
    const readers = this.readers!;
    const first = readers.shift();
    if (readers.length === 0) this.readers = null;
    return first;
  }

  /** The result of a read of this kind; something must be readable. */
  private takeFor(kind: number, target: Uint8Array | undefined): ReadResult {
    if (kind === READABLE) return undefined;
    if (kind === READ) {
      const message = this.next();
      return message === null ? this.end() : message;
    }
    const bytes = this.#rest === null ? this.nextBytes() : this.#rest.length;
    if (bytes < 0) return this.end();
    if (kind === READ_PART) return this.takePart(target!);
    if (bytes > target!.length) throw messageTooLarge(this.id, bytes, target!.length);
    if (this.#rest === null) return this.countedBytes(this.takeInto(target!));
    target!.set(this.next()!, 0);
    return bytes;
  }

  /** Fills `target` with the start of the next message; the rest does not keep a slab. */
  private takePart(target: Uint8Array): number {
    const message = this.next()!;
    const bytes = Math.min(message.length, target.length);
    target.set(message.subarray(0, bytes), 0);
    if (bytes === message.length) return bytes;
    const rest = message.subarray(bytes);
    this.#rest = rest.buffer.byteLength > 2 * message.length ? Buffer.from(rest) : rest;
    return bytes;
  }

  private end(): null {
    if (this.#endErrno === CLEAN_END) return null;
    throw this.lost();
  }

  private lost(): FlowringError {
    return new FlowringError(codeOfErrno(this.#endErrno), {
      details: { flow: this.id, name: this.name, errno: this.#endErrno },
    });
  }

  private checkRead(): void {
    if ((this.#flags & (MAY_READ | CLOSING | CLOSED)) === MAY_READ) return;
    if ((this.#flags & (CLOSING | CLOSED)) !== 0) throw notAllocated(this.id);
    throw permission('write-only');
  }

  private writeError(): FlowringError {
    if ((this.#flags & (CLOSING | CLOSED)) !== 0) return notAllocated(this.id);
    if ((this.#flags & PEER_ENDED) === 0 && (this.#flags & MAY_WRITE) === 0) return permission('read-only');
    if (this.#endErrno !== CLEAN_END) return this.lost();
    return new FlowringError('FLOWRING_FLOW_DOWN', {
      message: 'the flow is down: the peer deallocated it',
      details: { flow: this.id, name: this.name },
    });
  }

  private tooLarge(messageBytes: number): FlowringError {
    return messageTooLarge(this.id, messageBytes, this.messageMaxBytes);
  }

  private writeQueue(): NonNullable<typeof this.writers> {
    if (this.writers !== null) return this.writers;
    this.writers = new WaitQueue(this.host.clock);
    this.writers.onGaveUp = () => {
      this.serveWriters();
    };
    return this.writers;
  }

  private async linger(options: DeallocOptions): Promise<number> {
    if (!(this.noWriters() && this.startDrain())) {
      const timeoutMs = options.lingerMs ?? Math.min(DEFAULT_LINGER_MS, this.lingerMaxMs);
      const drain = this.writeQueue().wait(DRAIN, undefined, { timeoutMs, signal: options.signal });
      await drain.catch(() => undefined);
    }
    return this.undelivered();
  }

  private noWriters(): boolean {
    return this.writers === null || this.writers.length === 0;
  }

  private finish(errno: EndErrno, reason: CloseReason): void {
    if ((this.#flags & CLOSED) !== 0) return;
    this.beforeEnd(reason.code === undefined && reason.unackedSdus === 0);
    this.#flags |= CLOSED;
    this.#rest = null;
    this.port!.end(errno);
    this.port!.detach();
    this.host.released(this.id);
    this.settle(reason);
    const gone = (): FlowringError => notAllocated(this.id);
    this.readers?.rejectAll(gone);
    this.writers?.rejectAll(gone);
    this.observer?.forget(this);
  }
}

import type { FlowPort } from '@flowring/channel';
import type { MessageSink } from './forward.ts';
import { forward } from './forward.ts';
import { HeldMessages } from './held-messages.ts';

/**
 * One direction of one flow: messages of a source go to a sink, in order, then the end. The source's credit goes
 * back only when the sink has taken the message, so a reader that pauses stops its writer and nobody else; what
 * waits here is bounded by that credit (`flowWindowBytes`). Keeps nothing of a message unless the sink blocks.
 */
export class RelayLane {
  #source: Pick<FlowPort, 'consumed'> | null = null;
  #sink: MessageSink | null = null;
  readonly #waiting = new HeldMessages();
  #endErrno: number | null = null;
  /** Called once the sink has taken what waited; see {@link whenEmpty}. */
  #emptied: (() => void) | null = null;

  /** Messages held because the sink would block or is not known yet. */
  get waitingMessages(): number {
    return this.#waiting.length;
  }

  /** Whose credit a forwarded message returns; `null` when that end is gone. */
  setSource(source: Pick<FlowPort, 'consumed'> | null): void {
    this.#source = source;
  }

  setSink(sink: MessageSink): void {
    this.#sink = sink;
    this.flush();
  }

  /** The next message: bytes `start` to `end` of `slab`; copied if it has to wait. */
  push(slab: Buffer, start: number, end: number): void {
    if (this.#waiting.length === 0 && this.#sink !== null) {
      if (forward(this.#sink, slab, start, end) !== 'would-block') {
        this.#source?.consumed(end - start);
        return;
      }
    }
    forward(this.#waiting, slab, start, end);
  }

  /** `count` messages of `messageBytes` each, one every `strideBytes` from `start` of `slab` on. */
  pushRun(slab: Buffer, start: number, strideBytes: number, messageBytes: number, count: number): void {
    let sent = 0;
    if (this.#waiting.length === 0 && this.#sink?.trySendRun !== undefined) {
      sent = this.#sink.trySendRun(slab, start, strideBytes, messageBytes, count);
      for (let i = 0; i < sent; i++) this.#source?.consumed(messageBytes);
    }
    for (let at = start + sent * strideBytes; sent < count; sent++, at += strideBytes)
      this.push(slab, at, at + messageBytes);
  }

  /** No more messages come; the sink is ended after those that wait. The first reason stays. */
  finish(errno: number): void {
    if (this.#endErrno !== null) return;
    this.#endErrno = errno;
    this.flush();
  }

  /** Calls back when nothing waits: at once, or when the sink has taken it. */
  whenEmpty(emptied: () => void): void {
    if (this.waitingMessages === 0) emptied();
    else this.#emptied = emptied;
  }

  /** Tries what waits. Call when the sink may have room. */
  flush(): void {
    const sink = this.#sink;
    if (sink === null) return;
    const waiting = this.#waiting;
    while (waiting.length > 0) {
      const { bytes, start, end } = waiting;
      if (forward(sink, bytes, start, end) === 'would-block') return;
      waiting.shift();
      this.#source?.consumed(end - start);
    }
    if (this.#endErrno !== null) sink.end(this.#endErrno);
    const emptied = this.#emptied;
    this.#emptied = null;
    emptied?.();
  }
}

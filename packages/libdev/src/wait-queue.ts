import { FlowringError } from '@flowring/common';
import type { RuntimeClock, TimerHandle } from './clock.ts';
import type { WaitOptions } from './flow-types.ts';

type Resolve = (value: never) => void;
type Reject = (error: unknown) => void;

let newResolve: Resolve;
let newReject: Reject;
/** One executor for all promises, so that a wait allocates no closure. */
const capture = (resolve: Resolve, reject: Reject): void => {
  newResolve = resolve;
  newReject = reject;
};

/** Who keeps a waiter until it is settled. */
export interface WaiterOwner<P, V> {
  readonly clock: RuntimeClock;
  /** The waiter left by timeout or abort. */
  gaveUp(waiter: Waiter<P, V>): void;
}

/** One operation that waits: for a message, for room, for a flow. `payload` is what it waits with. */
export class Waiter<P = unknown, V = unknown> {
  readonly payload: P;
  readonly kind: number;
  next: Waiter<P, V> | null = null;
  #promise: Promise<V> | null;
  #owner: WaiterOwner<P, V> | null;
  #resolve: (value: V | Promise<V>) => void;
  #reject: Reject;
  #timer: TimerHandle | null = null;
  #signal: AbortSignal | null = null;

  /** `kind` and `payload` are the owner's. The process stays alive until the waiter is settled. */
  constructor(owner: WaiterOwner<P, V>, kind: number, payload: P) {
    this.#owner = owner;
    this.kind = kind;
    this.payload = payload;
    this.#promise = new Promise<never>(capture);
    this.#resolve = newResolve as (value: V | Promise<V>) => void;
    this.#reject = newReject;
    owner.clock.hold(true);
  }

  /** The promise of the outcome; to be taken once, so that a settled waiter does not keep its result. */
  takePromise(): Promise<V> {
    const promise = this.#promise!;
    this.#promise = null;
    return promise;
  }

  watch(timeoutMs: number | undefined, signal: AbortSignal | undefined): void {
    const owner = this.#owner!;
    if (timeoutMs !== undefined && timeoutMs !== Infinity) {
      this.#timer = owner.clock.after(timeoutMs * 1_000, () => {
        this.#giveUp(timeoutError(timeoutMs));
      });
    }
    if (signal !== undefined) {
      this.#signal = signal;
      signal.addEventListener('abort', this);
    }
  }

  /** The abort listener. */
  handleEvent(): void {
    this.#giveUp(abortError(this.#signal!));
  }

  resolve(value: V | Promise<V>): void {
    this.#settle();
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.#settle();
    this.#reject(error);
  }

  #giveUp(error: FlowringError): void {
    const owner = this.#owner;
    if (owner === null) return;
    this.reject(error);
    owner.gaveUp(this);
  }

  #settle(): void {
    const owner = this.#owner;
    if (owner === null) return;
    this.#owner = null;
    if (this.#timer !== null) owner.clock.cancel(this.#timer);
    if (this.#signal !== null) this.#signal.removeEventListener('abort', this);
    owner.clock.hold(false);
  }
}

/** Waiters in order of arrival. Whoever takes one out settles it. Waiting keeps the process alive. */
export class WaitQueue<P = unknown, V = unknown> implements WaiterOwner<P, V> {
  readonly clock: RuntimeClock;
  head: Waiter<P, V> | null = null;
  length = 0;
  /** Called after a waiter left by timeout or abort. */
  onGaveUp: (() => void) | undefined = undefined;
  #tail: Waiter<P, V> | null = null;

  constructor(clock: RuntimeClock) {
    this.clock = clock;
  }

  wait(kind: number, payload: P, options: WaitOptions | undefined, defaultMs?: number): Promise<V> {
    const signal = options?.signal;
    const timeoutMs = options?.timeoutMs ?? defaultMs;
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    if (timeoutMs !== undefined && timeoutMs <= 0) return Promise.reject(timeoutError(timeoutMs));
    const waiter = new Waiter<P, V>(this, kind, payload);
    if (timeoutMs !== undefined || signal !== undefined) waiter.watch(timeoutMs, signal);
    if (this.#tail === null) this.head = waiter;
    else this.#tail.next = waiter;
    this.#tail = waiter;
    this.length++;
    return waiter.takePromise();
  }

  /** Takes the first waiter out; there must be one. */
  shift(): Waiter<P, V> {
    const waiter = this.head!;
    this.head = waiter.next;
    if (this.head === null) this.#tail = null;
    this.length--;
    return waiter;
  }

  gaveUp(waiter: Waiter<P, V>): void {
    let before: Waiter<P, V> | null = null;
    for (let at = this.head; at !== null; before = at, at = at.next) {
      if (at !== waiter) continue;
      if (before === null) this.head = at.next;
      else before.next = at.next;
      if (this.#tail === at) this.#tail = before;
      this.length--;
      break;
    }
    this.onGaveUp?.();
  }

  /** `error` is asked for only when somebody waits: making one costs more than most calls. */
  rejectAll(error: () => unknown): void {
    if (this.head === null) return;
    const reason = error();
    while (this.head !== null) this.shift().reject(reason);
  }
}

export function timeoutError(timeoutMs: number): FlowringError {
  return new FlowringError('FLOWRING_TIMEOUT', { details: { timeoutMs } });
}

export function abortError(signal: AbortSignal): FlowringError {
  return new FlowringError('FLOWRING_ABORTED', { cause: signal.reason });
}

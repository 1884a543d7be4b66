import type { Libc, PollCallback, Uv } from './libc.ts';
import { UV_READABLE } from './constants.ts';

/** Handles that no loop knows any more, for use again: they are never freed, as the loop may look at them late. */
const idleHandles: number[] = [];
/** The pollers at work, by handle. */
const pollers = new Map<number, Poller>();
let registered: PollCallback | null = null;

/**
 * Tells when a descriptor is ready, as libuv tells an addon. libuv calls from outside of any JavaScript, where
 * exceptions would vanish and promises wait; so the event is told from `setImmediate`, in the same turn of the loop.
 */
export class Poller {
  readonly #uv: Uv;
  readonly #handle: number;
  readonly #onReady: (events: number, hasFailed: boolean) => void;
  #events = 0;
  #readyEvents = 0;
  #hasFailed = false;
  #isDue = false;

  /** `onReady`: with events of `UV_*`; `hasFailed`: the descriptor has an error, and polling stopped. */
  constructor(libc: Libc, fd: number, onReady: (events: number, hasFailed: boolean) => void) {
    this.#uv = libc.uv;
    this.#onReady = onReady;
    this.#handle = idleHandles.pop() ?? libc.calloc(1, this.#uv.pollBytes);
    const status = this.#uv.uv_poll_init(this.#uv.uv_default_loop(), this.#handle, fd);
    if (status < 0) {
      idleHandles.push(this.#handle);
      throw new Error(`uv_poll_init: ${status}`);
    }
    if (pollers.size === 0) process.on('exit', stopAll);
    pollers.set(this.#handle, this);
  }

  /** Polls for these events from now on; 0: for none. */
  start(events: number): void {
    if (this.#events === events) return;
    if (events === 0) return this.stop();
    this.#events = events;
    registered ??= this.#uv.register(onPoll);
    this.#uv.uv_poll_start(this.#handle, events, registered);
  }

  /** Calls `onReady` in this turn, or the next, though the kernel has told nothing. */
  schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(this.#tell);
  }

  stop(): void {
    this.#events = 0;
    this.#uv.uv_poll_stop(this.#handle);
  }

  ref(): void {
    this.#uv.uv_ref(this.#handle);
  }

  unref(): void {
    this.#uv.uv_unref(this.#handle);
  }

  /** The descriptor may be closed after this. Resolves when the loop has forgotten the handle. */
  async close(): Promise<void> {
    this.stop();
    this.#uv.uv_close(this.#handle, 0);
    pollers.delete(this.#handle);
    if (pollers.size === 0) process.off('exit', stopAll);
    // A loop closes its handles after the immediates of the same turn.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    idleHandles.push(this.#handle);
  }

  ready(status: number, events: number): void {
    if (status < 0) {
      this.#hasFailed = true;
      this.#events = 0;
    }
    this.#readyEvents |= status < 0 ? UV_READABLE : events;
    this.schedule();
  }

  readonly #tell = (): void => {
    const [events, hasFailed] = [this.#readyEvents, this.#hasFailed];
    this.#isDue = this.#hasFailed = false;
    this.#readyEvents = 0;
    this.#onReady(events, hasFailed);
  };
}

function onPoll(handle: number, status: number, events: number): void {
  pollers.get(handle)?.ready(status, events);
}

/** Node turns the loop once more while it ends, when JavaScript can no longer be called. */
function stopAll(): void {
  for (const poller of pollers.values()) poller.stop();
}

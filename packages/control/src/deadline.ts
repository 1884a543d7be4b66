import { FlowringError } from '@flowring/common';

/** One bound, and one signal, over several steps. */
export class Deadline {
  readonly #timeoutMs: number;
  readonly #endMs: number;
  readonly #expired: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;

  constructor(timeoutMs: number, signal?: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#endMs = performance.now() + timeoutMs;
    this.#signal = signal;
    let fail: (error: FlowringError) => void = () => undefined;
    this.#expired = new Promise<never>((_, reject) => (fail = reject));
    this.#expired.catch(() => undefined);
    this.#timer = setTimeout(() => fail(this.#timeout()), timeoutMs);
    this.#onAbort = () => fail(new FlowringError('FLOWRING_ABORTED', { cause: signal?.reason as unknown }));
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  leftMs(): number {
    return Math.max(1, Math.ceil(this.#endMs - performance.now()));
  }

  /** The step's result, or rejects `FLOWRING_TIMEOUT` or `FLOWRING_ABORTED`. */
  async race<T>(step: Promise<T>): Promise<T> {
    step.catch(() => undefined);
    return await Promise.race([this.#expired, step]);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  #timeout(): FlowringError {
    return new FlowringError('FLOWRING_TIMEOUT', {
      message: `the IRM daemon did not answer in ${this.#timeoutMs} ms`,
      details: { timeoutMs: this.#timeoutMs },
    });
  }
}

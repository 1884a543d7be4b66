import type { ControlMessage } from '@flowring/common';
import { FlowringError } from '@flowring/common';
import type { ManagementRequest } from '@flowring/control';

/** The daemon's own management requests, such as those of its configuration: they go the way of everybody's. */
export class OwnRequests {
  readonly #pending = new Map<number, Pending>();
  readonly #submit: (message: ControlMessage) => void;
  #lastReq = 0;

  constructor(submit: (message: ControlMessage) => void) {
    this.#submit = submit;
  }

  /** Resolves to the reply's value, or rejects with the error the request was answered with. */
  request(request: ManagementRequest): Promise<unknown> {
    const req = (this.#lastReq += 1);
    return new Promise((resolve, reject) => {
      this.#pending.set(req, { resolve, reject });
      this.#submit({ ...request, req });
    });
  }

  /** Takes a reply that the core sent to the daemon itself. */
  take(message: ControlMessage): void {
    if (message.t !== 'ok' && message.t !== 'error') return;
    const pending = this.#pending.get(message.req);
    this.#pending.delete(message.req);
    if (pending === undefined) return;
    if (message.t === 'ok') return pending.resolve(message.value);
    const { code, message: text, details = {} } = message;
    pending.reject(new FlowringError(code, { ...(text === undefined ? {} : { message: text }), details }));
  }

  /** Rejects what is still open; the daemon ends. */
  abandon(): void {
    for (const { reject } of this.#pending.values()) reject(new FlowringError('FLOWRING_ABORTED'));
    this.#pending.clear();
  }
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: FlowringError) => void;
}

import type { UdpSocket } from '@flowring/datagram';
import type { AppFlow } from '../adapters/app-flow.ts';

/** What waits to leave by a layer's socket: flows for room in it, and what is in it for the end of the turn. */
export class Egress {
  /** Set when there is one, `null` when it is closed. */
  socket: UdpSocket | null = null;
  readonly #blocked = new Set<AppFlow>();
  #flushDue = false;

  /** The flow found no room in the socket: `unblock` lets it go on. */
  block(app: AppFlow): void {
    this.#blocked.add(app);
  }

  forget(app: AppFlow): void {
    this.#blocked.delete(app);
  }

  /** Those that waited longest go first; one that is blocked again goes to the end. */
  unblock(): void {
    const waiting = [...this.#blocked];
    this.#blocked.clear();
    for (const app of waiting) app.toLayer.flush();
  }

  /** Once, after all that is written in this turn. */
  flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    process.nextTick(this.flush);
  }

  readonly flush = (): void => {
    this.#flushDue = false;
    this.socket?.flush();
  };
}

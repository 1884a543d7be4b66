import type { FlowPort } from '@flowring/channel';
import { RelayLane } from './relay-lane.ts';

/** What came for an application that had no room for it, or whose channel was still coming up; up to a bound. */
export class HeldForApp {
  readonly #lane = new RelayLane();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(port: FlowPort, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#lane.setSource({ consumed: (messageBytes) => (this.#bytes -= messageBytes) });
    this.#lane.setSink(port);
  }

  get isEmpty(): boolean {
    return this.#lane.waitingMessages === 0;
  }

  /** Copies the message: bytes `start` to `end` of `slab`. False: it is past the bound. */
  push(slab: Buffer, start: number, end: number): boolean {
    if (this.#bytes + end - start > this.#maxBytes) return false;
    this.#bytes += end - start;
    this.#lane.push(slab, start, end);
    return true;
  }

  /** The application ends after what waits. */
  finish(errno: number): void {
    this.#lane.finish(errno);
  }

  /** The application has room again. */
  flush(): void {
    this.#lane.flush();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Greeting } from './greeting.ts';
import { decodeGreeting } from './greeting.ts';
import type { ConnectedStream } from './connected-stream.ts';
import { connectUnix } from './connected-stream.ts';
import { FrameLane } from './frame-lane.ts';
import { errorCode } from './runtime-dir.ts';

/** `closed`: it left without a greeting. `silent`: it did not greet in time. */
export type ProbeAnswer = Greeting | 'closed' | 'silent';

/** A connection to a guard socket (or to a claim on it) whose owner is alive. */
export class GuardProbe {
  readonly #lane: FrameLane;
  #answer: ProbeAnswer | undefined;
  #settle: ((answer: ProbeAnswer) => void) | undefined;

  constructor(stream: ConnectedStream) {
    this.#lane = new FrameLane(stream, {
      onFrame: (frame) => this.#done(decodeGreeting(frame) ?? 'closed'),
      onClose: () => this.#done('closed'),
    });
  }

  /** Waits for the daemon's greeting: it comes when the daemon is ready to serve. Call once. */
  async answer(timeoutMs: number): Promise<ProbeAnswer> {
    if (this.#answer !== undefined) return this.#answer;
    return await new Promise<ProbeAnswer>((resolve) => {
      const timer = setTimeout(() => this.#done('silent'), timeoutMs);
      this.#settle = (answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
    });
  }

  close(): void {
    this.#lane.destroy();
  }

  #done(answer: ProbeAnswer): void {
    if (this.#answer !== undefined) return;
    this.#answer = answer;
    this.#settle?.(answer);
  }
}

/** Connects to a guard socket; `null` when nobody listens there, which for a socket file is final. */
export async function openProbe(path: string): Promise<GuardProbe | null> {
  for (;;) {
    try {
      return new GuardProbe(await connectUnix(path));
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return null;
      // EAGAIN: the backlog is full. ECONNRESET: the listener closed with us in its backlog; the next try tells.
      if (code !== 'EAGAIN' && code !== 'ECONNRESET') throw error;
      await sleep(RETRY_MS);
    }
  }
}

const RETRY_MS = 5;

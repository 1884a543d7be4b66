import { setTimeout as sleep } from 'node:timers/promises';
import type { Flow, QosCubeName } from '@flowring/libdev';
import { flowAlloc, isFlowringError } from '@flowring/libdev';
import { say } from './console.ts';
import { pingRequest, readReply } from './ping-message.ts';
import { PingStatistics } from './ping-statistics.ts';

export interface PingOptions {
  readonly serverName: string;
  readonly count?: number;
  /** ms; alternative to `count`. */
  readonly duration?: number;
  /** ms. */
  readonly interval: number;
  /** bytes. */
  readonly size: number;
  readonly qos: QosCubeName;
  readonly layer?: string;
  readonly flood?: true;
  readonly quiet?: true;
  readonly timeofday?: true;
}

/** How long a reply may take beyond the interval before the server counts as gone. */
const REPLY_GRACE_MS = 2_000;

/** Pings until the count or the time is over, or SIGINT; then prints the statistics. */
export async function ping(options: PingOptions): Promise<void> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => {
    interrupted.abort();
  });
  await using flow = await flowAlloc(options.serverName, { qos: options.qos, layer: options.layer });
  const packets = packetCount(options);
  const shown = Number.isFinite(packets) ? `${packets}` : 'endless';
  const run = new PingRun(flow, options, packets, interrupted.signal);
  console.log(`Pinging ${options.serverName} with ${options.size} bytes of data (${shown} packets):\n`);
  await run.start();
}

function packetCount({ count, duration, interval }: PingOptions): number {
  if (count !== undefined) return count;
  if (duration === undefined) return Infinity;
  return interval === 0 ? Infinity : Math.max(1, Math.floor(duration / interval));
}

class PingRun {
  readonly #flow: Flow;
  readonly #options: PingOptions;
  readonly #packets: number;
  readonly #signal: AbortSignal;
  readonly #statistics = new PingStatistics();
  readonly #print: (line: string) => void;
  readonly #beganMs = performance.now();

  constructor(flow: Flow, options: PingOptions, packets: number, signal: AbortSignal) {
    this.#flow = flow;
    this.#options = options;
    this.#packets = packets;
    this.#signal = signal;
    this.#print = say(options.timeofday === true);
  }

  async start(): Promise<void> {
    try {
      if (this.#options.flood === true) await this.#flood();
      else await Promise.all([this.#sendAtInterval(), this.#receive()]);
    } catch (error) {
      if (isFlowringError(error, 'FLOWRING_TIMEOUT')) console.log('Server timed out.');
      else if (!this.#signal.aborted) throw error;
    } finally {
      const elapsedMs = performance.now() - this.#beganMs;
      for (const line of this.#statistics.lines(this.#options.serverName, elapsedMs)) console.log(line);
    }
  }

  async #sendAtInterval(): Promise<void> {
    while (this.#hasMore()) {
      await sleep(this.#options.interval, undefined, { signal: this.#signal });
      await this.#sendNext();
    }
  }

  async #receive(): Promise<void> {
    const timeoutMs = this.#options.interval + REPLY_GRACE_MS;
    while (this.#statistics.received < this.#packets) {
      const message = await this.#flow.read({ timeoutMs, signal: this.#signal });
      if (message === null) return;
      this.#note(message);
    }
  }

  async #flood(): Promise<void> {
    while (this.#hasMore()) {
      await this.#sendNext();
      const message = await this.#flow.read({ timeoutMs: REPLY_GRACE_MS, signal: this.#signal });
      if (message === null) return;
      this.#note(message);
    }
  }

  #hasMore(): boolean {
    const { duration = Infinity } = this.#options;
    return this.#statistics.sent < this.#packets && performance.now() - this.#beganMs < duration;
  }

  async #sendNext(): Promise<void> {
    await this.#flow.write(pingRequest(this.#statistics.sent, this.#options.size));
    this.#statistics.sent += 1;
  }

  #note(message: Buffer): void {
    const reply = readReply(message);
    if (reply === null) return;
    const isLate = this.#statistics.add(reply.seq, reply.rttMs);
    if (this.#options.quiet === true || this.#options.flood === true) return;
    const { rttMs } = reply;
    const time = rttMs < 0.1 ? `${(rttMs * 1_000).toFixed(3)} µs` : `${rttMs.toFixed(3)} ms`;
    const late = isLate ? ' [out-of-order]' : '';
    const { serverName } = this.#options;
    this.#print(`${message.length} bytes from ${serverName}: seq=${reply.seq} time=${time}${late}`);
  }
}

import { createLogger, FlowringError } from '@flowring/common';
import { LeaseTable } from '../../core/directory/lease-table.ts';
import type { PeerAddress } from '../../core/fa-flow.ts';
import type { Directory } from '../layer.ts';
import type { NatsConfig } from './directory-config.ts';
import type { DirectoryHost } from './directory-host.ts';
import { monotonicUs } from '../../adapters/monotonic-clock.ts';
import { bucketOf } from './nats-keys.ts';
import { NatsSession } from './nats-session.ts';

const log = createLogger('ipcpd:nats');

/** Pauses between two tries to reach a server, ms; doubles with each failure. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** How long a lookup waits for the server, ms, and how many may; further ones fail at once. */
const ANSWER_WAIT_MS = 3_000;
const WAITING_MAX = 4_096;

/**
 * A directory in a bucket of NATS JetStream: one key per name and holder, renewed at a third of its lease. Every IPCP
 * watches the bucket and answers from its copy, so a lookup costs no round trip. Away from the server it answers from
 * what it knew, for 60 s; what it cannot answer then rejects with `FLOWRING_DIRECTORY`, and it goes on trying.
 */
export class NatsDirectory implements Directory {
  readonly #config: NatsConfig;
  readonly #bucket: string;
  readonly #self: PeerAddress;
  readonly #own = new Set<string>();
  readonly #leases = new LeaseTable();
  #session: NatsSession | null = null;
  #complete = false;
  #closed = false;
  #wakeUp: () => void = () => undefined;
  /** Lookups that wait for the server. */
  readonly #waiting = new Set<() => void>();
  readonly #running: Promise<void>;

  constructor(host: Pick<DirectoryHost, 'layerName' | 'self'>, config: NatsConfig) {
    this.#config = config;
    this.#bucket = bucketOf(host.layerName);
    this.#self = host.self;
    this.#running = this.#run();
  }

  /** Resolves when the server has the name; when it is away, the name follows as soon as it is back. */
  async register(name: string): Promise<void> {
    this.#own.add(name);
    await this.#session?.hold([{ name, peer: this.#self }]);
  }

  async unregister(name: string): Promise<void> {
    this.#own.delete(name);
    await this.#session?.release([{ name, peer: this.#self }]);
  }

  lookup(name: string): PeerAddress | null | Promise<PeerAddress | null> {
    if (this.#own.has(name)) return this.#self;
    const [peer] = this.#leases.lookup(name, monotonicUs());
    if (peer !== undefined) return peer;
    return this.#complete ? null : this.#lookupLater(name);
  }

  failed(name: string, peer: PeerAddress): void {
    this.#leases.failed(name, peer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wakeUp();
    for (const wake of this.#waiting) wake();
    const session = this.#session;
    await session?.release([...this.#own].map((name) => ({ name, peer: this.#self })));
    await session?.close();
    await this.#running;
  }

  async #lookupLater(name: string): Promise<PeerAddress | null> {
    if (this.#waiting.size < WAITING_MAX) await this.#whenComplete();
    const [peer] = this.#leases.lookup(name, monotonicUs());
    if (peer !== undefined) return peer;
    if (this.#complete) return null;
    throw new FlowringError('FLOWRING_DIRECTORY', {
      message: `no NATS server answers: ${this.#config.servers.join(', ')}`,
      details: { name },
    });
  }

  async #whenComplete(): Promise<void> {
    await new Promise<void>((done) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        done();
      };
      const timer = setTimeout(wake, ANSWER_WAIT_MS);
      this.#waiting.add(wake);
    });
  }

  async #run(): Promise<void> {
    let pauseMs = RETRY_MIN_MS;
    while (!this.#closed) {
      try {
        await this.#serve(() => (pauseMs = RETRY_MIN_MS));
      } catch (error) {
        log('%s: %s', this.#config.servers.join(','), (error as Error).message);
      }
      this.#session = null;
      this.#complete = false;
      this.#leases.noteAway(monotonicUs());
      await this.#sleep(pauseMs);
      pauseMs = Math.min(RETRY_MAX_MS, pauseMs * 2);
    }
  }

  /** One session, from its beginning to its end. */
  async #serve(onUp: () => void): Promise<void> {
    this.#leases.beginSnapshot();
    const session = await NatsSession.open(this.#bucket, this.#config, {
      onLease: ({ name, peer }, leaseMs) => this.#leases.put(name, peer, leaseMs * 1_000, monotonicUs()),
      onRemoved: ({ name, peer }) => this.#leases.remove(name, peer),
      onComplete: () => this.#onComplete(),
    });
    this.#session = session;
    onUp();
    let over = false;
    void session.closed.then(() => {
      over = true;
      this.#wakeUp();
    });
    while (!over && !this.#closed) {
      const startedUs = monotonicUs();
      const own = [...this.#own].map((name) => ({ name, peer: this.#self }));
      await session.hold(own, ({ name }) => this.#own.has(name));
      this.#leases.sweep(monotonicUs());
      const spentMs = (monotonicUs() - startedUs) / 1_000;
      if (!over) await this.#sleep(Math.max(0, session.leaseMs / 3 - spentMs));
    }
  }

  #onComplete(): void {
    this.#leases.endSnapshot();
    this.#complete = true;
    for (const wake of this.#waiting) wake();
  }

  /** Until the time is over, or something happened that the loop must look at. */
  async #sleep(ms: number): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      timer.unref();
      this.#wakeUp = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

import { readFileSync } from 'node:fs';
import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import type { NatsConfig } from './directory-config.ts';
import type { Holder } from './nats-keys.ts';
import { holderOf, keyOf } from './nats-keys.ts';

/** Connecting, and any one answer of the server, ms. */
const ANSWER_MS = 2_000;
/** A server that answers no ping for two of these is gone, ms. */
const PING_MS = 2_000;
/** Writes under way at once. */
const WRITES_AT_ONCE = 64;
/** A lease in a value is believed between these bounds, ms. */
const LEASE_MIN_MS = 1_000;
const LEASE_MAX_MS = 600_000;

export interface NatsSessionEvents {
  /** Somebody made or renewed a lease. */
  onLease(holder: Holder, leaseMs: number): void;
  onRemoved(holder: Holder): void;
  /** Everything that was there when the session began has been told. */
  onComplete(): void;
}

/** One connection to a NATS server with a layer's bucket open, until anything about it fails. */
export class NatsSession {
  /** Resolves when the connection is over, for whatever reason. */
  readonly closed: Promise<unknown>;
  /** Keys live no longer than this, ms. */
  readonly leaseMs: number;
  readonly #connection: NatsConnection;
  readonly #kv: KV;

  private constructor(connection: NatsConnection, kv: KV, leaseMs: number) {
    this.#connection = connection;
    this.#kv = kv;
    this.leaseMs = leaseMs;
    this.closed = connection.closed();
  }

  /** Rejects when the server cannot be reached or has no JetStream. */
  static async open(bucket: string, config: NatsConfig, events: NatsSessionEvents): Promise<NatsSession> {
    const [{ connect, credsAuthenticator }, { Kvm }] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/kv'),
    ]);
    const { servers, credentials, leaseMs } = config;
    const connection = await connect({
      servers: [...servers],
      name: 'flowring ipcpd',
      reconnect: false,
      timeout: ANSWER_MS,
      pingInterval: PING_MS,
      ...(credentials === null ? {} : { authenticator: credsAuthenticator(readFileSync(credentials)) }),
    });
    try {
      const kvm = new Kvm(connection);
      const options = { history: 1, ttl: leaseMs, timeout: ANSWER_MS };
      // One that another IPCP made with another lease is used as it is.
      const kv = await kvm.create(bucket, options).catch(() => kvm.open(bucket, { timeout: ANSWER_MS }));
      const { ttl, values } = await kv.status();
      const session = new NatsSession(connection, kv, ttl > 0 ? Math.min(ttl, leaseMs) : leaseMs);
      await session.#watch(values, events);
      return session;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Makes or renews leases of what is still wanted when its turn comes. A failure ends the session. */
  async hold(holders: readonly Holder[], isWanted: (holder: Holder) => boolean = () => true): Promise<void> {
    try {
      for (let at = 0; at < holders.length; at += WRITES_AT_ONCE) {
        const some = holders.slice(at, at + WRITES_AT_ONCE).filter(isWanted);
        await Promise.all(some.map((holder) => this.#kv.put(keyOf(holder), this.#valueOf(holder))));
      }
    } catch {
      await this.close();
    }
  }

  /** Gives leases back. */
  async release(holders: readonly Holder[]): Promise<void> {
    await Promise.allSettled(holders.map((holder) => this.#kv.delete(keyOf(holder))));
  }

  async close(): Promise<void> {
    await this.#connection.close().catch(() => undefined);
  }

  /** For the server's own tools to read; `holderOf` reads the key. */
  #valueOf({ name, peer }: Holder): string {
    return JSON.stringify({ name, address: peer, leaseMs: this.leaseMs });
  }

  async #watch(values: number, events: NatsSessionEvents): Promise<void> {
    const entries = await this.#kv.watch();
    let complete = values === 0;
    const follow = async (): Promise<void> => {
      for await (const entry of entries) {
        tell(entry, events);
        if (complete || entry.delta !== 0) continue;
        complete = true;
        events.onComplete();
      }
    };
    // The end of the watch is the end of the session, expected or not.
    void follow()
      .catch(() => undefined)
      .then(() => this.close());
    if (complete) events.onComplete();
  }
}

function tell(entry: KvWatchEntry, events: NatsSessionEvents): void {
  const holder = holderOf(entry.key);
  if (holder === null) return;
  if (entry.operation !== 'PUT') return events.onRemoved(holder);
  const leaseMs = leaseOf(entry);
  if (leaseMs !== null) events.onLease(holder, leaseMs);
}

function leaseOf(entry: KvWatchEntry): number | null {
  try {
    const { leaseMs } = entry.json<{ leaseMs?: unknown }>();
    const sane = typeof leaseMs === 'number' && leaseMs >= LEASE_MIN_MS && leaseMs <= LEASE_MAX_MS;
    return sane ? leaseMs : null;
  } catch {
    return null;
  }
}

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Reply } from 'zeromq';
import { errorCode } from './runtime-dir.ts';
import { zmqContext } from './zmq-context.ts';

/** What the kernel says of the process behind a connection (SO_PEERCRED), through zeromq's ZAP. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** The ids a daemon knows, each with the one process the kernel saw behind it. */
export class Attestations {
  /** Ids that have not registered, oldest first; and those that have. */
  readonly #fresh = new Map<string, Credentials & { readonly untilMs: number }>();
  readonly #pinned = new Map<string, Credentials>();
  readonly #freshMax: number;
  readonly #lifetimeMs: number;

  constructor(freshMax: number, lifetimeMs: number) {
    this.#freshMax = freshMax;
    this.#lifetimeMs = lifetimeMs;
  }

  /** False when another process is known by this id. */
  admit(id: string, who: Credentials, nowMs: number): boolean {
    const known = this.get(id);
    if (known !== undefined) return known.pid === who.pid && known.uid === who.uid && known.gid === who.gid;
    for (const [oldId, old] of this.#fresh) {
      if (old.untilMs > nowMs && this.#fresh.size < this.#freshMax) break;
      this.#fresh.delete(oldId);
    }
    this.#fresh.set(id, { ...who, untilMs: nowMs + this.#lifetimeMs });
    return true;
  }

  get(id: string): Credentials | undefined {
    return this.#pinned.get(id) ?? this.#fresh.get(id);
  }

  /** Keeps the id until `forget`: its process registered. */
  pin(id: string, who: Credentials): void {
    this.#fresh.delete(id);
    this.#pinned.set(id, who);
  }

  forget(id: string): void {
    this.#fresh.delete(id);
    this.#pinned.delete(id);
  }
}

/** Decides on a connection: its username (the process's id) and the kernel's credentials. */
export type ZapDecision = (id: string, who: Credentials) => boolean;

/**
 * Answers zeromq's authentication requests (RFC 27, ZAP) for one domain. A context has room for one handler, so
 * all domains of this process share it.
 */
export async function serveZap(domain: string, decide: ZapDecision): Promise<() => void> {
  domains.set(domain, decide);
  try {
    starting ??= startZap();
    await starting;
  } catch (error) {
    domains.delete(domain);
    starting = undefined;
    throw error;
  }
  return () => {
    domains.delete(domain);
    if (domains.size > 0) return;
    socket?.close();
    socket = undefined;
    starting = undefined;
  };
}

const domains = new Map<string, ZapDecision>();
let starting: Promise<void> | undefined;
let socket: Reply | undefined;

/** Fixed by RFC 27. */
const ZAP_ADDRESS = 'inproc://zeromq.zap.01';
const ZAP_BIND_TRIES = 200;
const ZAP_BIND_RETRY_MS = 5;

async function startZap(): Promise<void> {
  const reply = new Reply({ context: zmqContext(), linger: 0 });
  socket = reply;
  for (let triesLeft = ZAP_BIND_TRIES; ; triesLeft--) {
    try {
      await reply.bind(ZAP_ADDRESS);
      break;
    } catch (error) {
      // zeromq frees the address of a handler that was just closed in a thread of its own.
      if (errorCode(error) !== 'EADDRINUSE' || triesLeft === 0) throw error;
      await sleep(ZAP_BIND_RETRY_MS);
    }
  }
  void answerAll(reply);
}

async function answerAll(reply: Reply): Promise<void> {
  try {
    for await (const [version, request, domain, address, , mechanism, username] of reply) {
      const id = username?.toString('latin1') ?? '';
      const who = parseAddress(address?.toString('latin1') ?? '');
      const decide = domains.get(domain?.toString('latin1') ?? '');
      const admitted =
        mechanism?.toString('latin1') === 'PLAIN' &&
        PROCESS_ID_HEX.test(id) &&
        who !== null &&
        decide !== undefined &&
        decide(id, who);
      const [status, text] = admitted ? ['200', 'OK'] : ['400', 'refused'];
      await reply.send([version ?? '1.0', request ?? '', status, text, admitted ? id : '', '']);
    }
  } catch {
    // The socket was closed while it sent: the daemon stops.
  }
}

/** `localhost:UID:GID:PID`, as libzmq fills it on ipc:// where the system has SO_PEERCRED. */
function parseAddress(address: string): Credentials | null {
  const match = /^[^:]*:(\d+):(\d+):(\d+)$/.exec(address);
  return match === null ? null : { uid: Number(match[1]), gid: Number(match[2]), pid: Number(match[3]) };
}

const PROCESS_ID_HEX = /^[0-9a-f]{32}$/;

/** Start time of a process, clock ticks since boot: field 22 of /proc/PID/stat, proc(5). 0 where unknown. */
export function startTicksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field, the command in parentheses, may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[22 - 3]) || 0;
  } catch {
    return 0;
  }
}

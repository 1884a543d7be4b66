import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createLogger } from '@flowring/common';

const log = createLogger('irmd:children');

/** What to start, and as whom. */
export interface ChildOrder {
  readonly child: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid?: number;
  readonly gid?: number;
  /** Prefix of its output lines in our log. */
  readonly label: string;
}

export interface ChildEvents {
  readonly onExit: (child: number, outcome: string) => void;
  readonly onFailed: (child: number, reason: string) => void;
  /** A line it wrote to its standard output or error. */
  readonly onLine: (label: string, line: string) => void;
}

/** Starts children in process groups of their own, reaps them, and ends them with SIGTERM, then SIGKILL. */
export class ChildProcesses {
  readonly #children = new Map<number, ChildProcess>();
  readonly #killTimers = new Map<number, NodeJS.Timeout>();
  readonly #events: ChildEvents;
  readonly #killAfterMs: number;

  constructor(events: ChildEvents, killAfterMs = 2_000) {
    this.#events = events;
    this.#killAfterMs = killAfterMs;
  }

  get count(): number {
    return this.#children.size;
  }

  /** The pid, or `null` when it could not be started (`onFailed` follows). */
  start(order: ChildOrder): number | null {
    const { child: id, uid, gid } = order;
    const changeUser = process.getuid?.() === 0 && uid !== undefined && uid !== 0;
    const child = spawn(order.command, order.args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: order.env,
      ...(changeUser ? { uid, ...(gid === undefined ? {} : { gid }) } : {}),
    });
    for (const stream of [child.stdout, child.stderr]) this.#relay(stream, order.label);
    child.once('error', (error) => {
      if (child.pid === undefined) this.#events.onFailed(id, error.message);
    });
    if (child.pid === undefined) return null;
    log('started %s, pid %d', order.label, child.pid);
    this.#children.set(id, child);
    child.once('exit', (code, signal) => {
      this.#forget(id);
      this.#events.onExit(id, signal === null ? `exit code ${code}` : `killed by ${signal}`);
    });
    return child.pid;
  }

  /** Asks a child and its group to end; kills them when they have not after `killAfterMs`. */
  stop(id: number): void {
    const child = this.#children.get(id);
    if (child === undefined || this.#killTimers.has(id)) return;
    signalGroup(child, 'SIGTERM');
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), this.#killAfterMs);
    this.#killTimers.set(id, timer);
  }

  /** Ends all children; resolves when the last is reaped. */
  async stopAll(): Promise<void> {
    const ends = [...this.#children.values()].map(
      (child) => new Promise<void>((resolve) => child.once('exit', () => resolve())),
    );
    for (const id of [...this.#children.keys()]) this.stop(id);
    await Promise.all(ends);
  }

  /** For a crash: no time to ask. */
  killAll(): void {
    for (const child of this.#children.values()) signalGroup(child, 'SIGKILL');
  }

  #forget(id: number): void {
    clearTimeout(this.#killTimers.get(id));
    this.#killTimers.delete(id);
    this.#children.delete(id);
  }

  #relay(stream: Readable | null, label: string): void {
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => this.#events.onLine(label, line));
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    log('no %s to group %d: %o', signal, child.pid, error);
  }
}

import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttestedProcess, ControlMessage, ProcessId } from '@flowring/common';
import type { ConnectOptions, ControlClient, ControlServer } from '../src/index.ts';
import { connectControl, startControlServer } from '../src/index.ts';

/** A daemon's end that answers requests as told and notes everything; `end` takes it all away again. */
export class Daemon {
  readonly dir: string;
  server!: ControlServer;
  readonly processes: AttestedProcess[] = [];
  readonly messages: { readonly process: ProcessId; readonly message: ControlMessage }[] = [];
  readonly gone: ProcessId[] = [];
  accept = true;
  /** What a request gets; `undefined`: no answer. */
  answer: (message: ControlMessage & { req: number }) => ControlMessage | undefined = ({ req }) => ({
    t: 'ok',
    req,
    value: 'done',
  });
  readonly #clients: ControlClient[] = [];

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'frc-'));
  }

  static async start(options: { helloTimeoutMs?: number } = {}): Promise<Daemon> {
    const daemon = new Daemon();
    daemon.server = await startControlServer({ dir: daemon.dir, events: daemon, ...options });
    return daemon;
  }

  onProcess(process: AttestedProcess): boolean {
    if (this.accept) this.processes.push(process);
    return this.accept;
  }

  onMessage(process: ProcessId, message: ControlMessage): void {
    this.messages.push({ process, message });
    if (!('req' in message) || message.req === undefined || message.t === 'cancel') return;
    const reply = this.answer(message as ControlMessage & { req: number });
    if (reply !== undefined) this.server.send(process, reply);
  }

  onGone(process: ProcessId): void {
    this.gone.push(process);
  }

  async connect(options: Partial<ConnectOptions> = {}): Promise<ControlClient> {
    const client = await connectControl({
      dir: this.dir,
      kind: 'app',
      onMessage: () => undefined,
      onClose: () => undefined,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.server.stop();
    const left = readdirSync(this.dir);
    rmSync(this.dir, { recursive: true });
    if (left.length > 0) throw new Error(`the daemon left ${left.join(', ')}`);
  }
}

/** Resolves when `predicate` holds; rejects when it does not within `deadlineMs`. */
export async function until(predicate: () => boolean, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!predicate()) {
    if (performance.now() > end) throw new Error(`not in time: ${predicate.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A child process from `fixtures`, once it has said its first message. */
export async function startFixture(
  name: string,
  args: readonly string[] = [],
): Promise<{ readonly child: ChildProcess; readonly first: Record<string, unknown> }> {
  const child = fork(join(import.meta.dirname, 'fixtures', name), args, { execArgv: [], env: plainEnv() });
  const [first] = (await once(child, 'message')) as [Record<string, unknown>];
  return { child, first };
}

/** The environment without what the test runner put into it. */
export function plainEnv(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  delete env['NODE_OPTIONS'];
  return env;
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

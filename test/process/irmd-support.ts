import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlMessage } from '@flowring/common';
import type { ControlClient } from '@flowring/control';
import { connectControl } from '@flowring/control';
import { availableKinds } from '@flowring/channel';

const ROOT = join(import.meta.dirname, '../..');
const IRMD = join(ROOT, 'packages/irmd/dist/bin/irmd.js');
const IRM = join(ROOT, 'packages/irmd/dist/bin/irm.js');
export const ACCEPTOR = join(ROOT, 'test/process/irmd-acceptor.mjs');

/** Waits until `ready` gives something, at most `ms`. */
export async function until<T>(what: string, ready: () => T | Promise<T>, ms = 60_000): Promise<T> {
  const endMs = performance.now() + ms;
  for (;;) {
    const value = await ready();
    if (value !== false && value !== undefined && value !== null) return value;
    if (performance.now() > endMs) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What a command wrote and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A real daemon in a directory of its own; `end` stops it and removes the directory. */
export class DaemonUnderTest {
  readonly dir = mkdtempSync(join(tmpdir(), 'irmd-test-'));
  readonly clients: ControlClient[] = [];
  readonly children: ChildProcess[] = [];
  log = '';
  daemon: ChildProcess | null = null;

  /** Starts irmd and waits until it serves. */
  async start(...args: string[]): Promise<this> {
    this.daemon = this.startIrmd(...args);
    await until('irmd serves', () => this.log.includes('serving') || this.daemon?.exitCode !== null);
    return this;
  }

  startIrmd(...args: string[]): ChildProcess {
    const child = this.run(IRMD, args);
    child.stderr?.on('data', (text: Buffer) => (this.log += text.toString()));
    return child;
  }

  run(script: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [script, ...args], {
      env: this.#env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.children.push(child);
    return child;
  }

  irm(...args: string[]): Promise<Outcome> {
    return new Promise((resolve) => {
      execFile(process.execPath, [IRM, ...args], { env: this.#env() }, (error, out, err) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err });
      });
    });
  }

  /** Runs irm with --json and returns what it printed. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, out, err } = await this.irm(...args, '--json');
    if (code !== 0) throw new Error(`irm ${args.join(' ')}: ${err}`);
    return JSON.parse(out) as T;
  }

  /** Connects this process as a program; its messages land in the array. */
  async connect(program = 'tester'): Promise<{ control: ControlClient; got: ControlMessage[] }> {
    const got: ControlMessage[] = [];
    const control = await connectControl({
      dir: this.dir,
      kind: 'app',
      program,
      path: `/test/${program}`,
      channels: availableKinds(),
      onMessage: (message) => got.push(message),
      onClose: () => undefined,
    });
    this.clients.push(control);
    return { control, got };
  }

  async end(): Promise<void> {
    for (const client of this.clients) await client.close();
    for (const child of this.children) if (child.exitCode === null) child.kill('SIGTERM');
    await until('children ended', () => this.children.every(hasEnded));
    rmSync(this.dir, { recursive: true, force: true });
  }

  #env(): NodeJS.ProcessEnv {
    const { NODE_OPTIONS, ...rest } = process.env;
    void NODE_OPTIONS;
    return { ...rest, FLOWRING_DIR: this.dir };
  }
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
}

/** The folder of a daemon's channel files in shared memory, as docs/spec/irmd-states.md says. */
export function channelFolderOf(dir: string): string {
  const key = createHash('sha256').update(dir).digest('hex').slice(0, 12);
  return `/dev/shm/flowring-${process.getuid?.() ?? 0}-${key}`;
}

/** Pids of the direct children of a process. */
export function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

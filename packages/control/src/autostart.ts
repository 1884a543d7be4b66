import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlowringError, TIMES, createLogger } from '@flowring/common';
import { Deadline } from './deadline.ts';
import { openProbe } from './guard-probe.ts';
import { prepareRuntimeDir } from './runtime-dir.ts';

const log = createLogger('control:autostart');

export interface EnsureDaemonOptions {
  /** How long to wait until the daemon serves. Default `autostartMs`. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Default `process.env`. `FLOWRING_AUTOSTART=0` forbids; `FLOWRING_IRMD` is the path of another irmd. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Returns when a daemon serves the directory, having started one if none did. Of many that race, one daemon
 * stays; the others leave with {@link EXIT_ALREADY_RUNNING}. Rejects `FLOWRING_IRMD_UNREACHABLE` (autostart is
 * off), `FLOWRING_SPAWN` (the daemon failed; its exit code and last words in the details), `FLOWRING_TIMEOUT`,
 * `FLOWRING_ABORTED`, `FLOWRING_RUNTIME_DIR`.
 */
export async function ensureDaemon(dir: string, options: EnsureDaemonOptions = {}): Promise<void> {
  const env = options.env ?? process.env;
  const paths = prepareRuntimeDir(dir);
  const deadline = new Deadline(options.timeoutMs ?? TIMES.autostartMs, options.signal);
  let daemon: StartedDaemon | null = null;
  try {
    for (;;) {
      if (await deadline.race(isServed(paths.guard, deadline.leftMs()))) return;
      if (env['FLOWRING_AUTOSTART'] === '0') throw autostartOff(dir);
      daemon ??= new StartedDaemon(dir, env);
      daemon.check();
      await deadline.race(new Promise<void>((resolve) => setTimeout(resolve, POLL_MS)));
    }
  } finally {
    deadline.clear();
    daemon?.letGo();
  }
}

/** Exit code of an irmd that found another one running. */
export const EXIT_ALREADY_RUNNING = 3;

class StartedDaemon {
  readonly #child: ChildProcess;
  readonly #logPath: string;
  #failure: string | null = null;

  constructor(dir: string, env: Readonly<Record<string, string | undefined>>) {
    this.#logPath = join(dir, 'irmd.log');
    const logFd = openSync(this.#logPath, 'a', 0o600);
    try {
      this.#child = spawn(process.execPath, [irmdPath(env), '--auto'], {
        cwd: '/',
        detached: true,
        stdio: ['ignore', logFd, logFd],
        env: { ...daemonEnv(env), FLOWRING_DIR: dir },
      });
    } finally {
      closeSync(logFd);
    }
    this.#child.on('error', (error) => (this.#failure = String(error)));
    this.#child.on('exit', (code, signal) => {
      if (code !== EXIT_ALREADY_RUNNING) this.#failure = `it ended with ${signal ?? `exit code ${code}`}`;
    });
    log('started irmd, pid %d', this.#child.pid);
  }

  check(): void {
    if (this.#failure === null) return;
    const lastLine = lastLineOf(this.#logPath);
    throw new FlowringError('FLOWRING_SPAWN', {
      message: `the IRM daemon could not be started: ${this.#failure}; see ${this.#logPath}: ${lastLine}`,
      details: { exitCode: this.#child.exitCode, log: this.#logPath, lastLine },
    });
  }

  /** The daemon outlives us, and we need not wait for it. */
  letGo(): void {
    this.#child.unref();
  }
}

/** What was meant for this process alone does not go to the daemon. */
function daemonEnv(env: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const ours = ['NODE_OPTIONS', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'];
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.includes(name)));
}

async function isServed(guard: string, timeoutMs: number): Promise<boolean> {
  const probe = await openProbe(guard);
  if (probe === null) return false;
  const answer = await probe.answer(timeoutMs);
  probe.close();
  return typeof answer !== 'string';
}

function irmdPath(env: Readonly<Record<string, string | undefined>>): string {
  const own = env['FLOWRING_IRMD'];
  if (own) return own;
  for (const from of [import.meta.url, `file://${process.argv[1] ?? '/'}`]) {
    const found = findUpwards(dirname(fileURLToPath(from)), 'node_modules/@flowring/irmd/dist/bin/irmd.js');
    if (found !== null) return found;
  }
  throw new FlowringError('FLOWRING_SPAWN', {
    message: 'cannot find @flowring/irmd; install it, or set FLOWRING_IRMD to the path of irmd',
  });
}

/**
 * Walks node_modules as Node does. `import.meta.resolve` would need the daemon's package to export its
 * package.json, and is missing under test runners that have their own loader.
 */
function findUpwards(from: string, what: string): string | null {
  for (let at = from; ; at = dirname(at)) {
    const path = join(at, what);
    if (existsSync(path)) return path;
    if (at === dirname(at)) return null;
  }
}

function lastLineOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)?.slice(-400) ?? '';
  } catch {
    return '';
  }
}

function autostartOff(dir: string): FlowringError {
  return new FlowringError('FLOWRING_IRMD_UNREACHABLE', {
    message: `no IRM daemon runs in ${dir} and FLOWRING_AUTOSTART=0 forbids to start one; run: irmd`,
    details: { dir },
  });
}

const POLL_MS = 15;

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { until } from '../scenarios/until.mjs';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A script running in a node process of its own, with its output so far. */
export class StartedProgram {
  output = '';
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #exit: Exit | null = null;

  constructor(script: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [path.resolve(ROOT, script), ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve((this.#exit = { code, signal })));
    });
  }

  /** Resolves when it has printed `text`; rejects with its output when it ended or the deadline passed. */
  async says(text: string): Promise<void> {
    await until(() => {
      if (this.output.includes(text)) return true;
      if (this.#exit !== null) throw new Error(`ended without saying "${text}":\n${this.output}`);
      return false;
    }, `"${text}" in:\n${this.output}`);
  }

  /** Resolves to its output; rejects unless it ended with code 0. */
  async succeeds(): Promise<string> {
    const { code, signal } = await this.exited;
    if (code !== 0) throw new Error(`ended with ${code ?? signal ?? '?'}:\n${this.output}`);
    return this.output;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<Exit> {
    if (this.#exit === null) this.kill('SIGTERM');
    return this.exited;
  }
}

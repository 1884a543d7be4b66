import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { NetworkNamespace } from '../support/network-namespace.ts';

/** A command that runs on a host, with its output so far. */
export class StartedCommand {
  output = '';
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;

  constructor(host: NetworkNamespace, command: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    const [enter, ...into] = host.entry;
    this.#child = spawn(enter, [...into, ...command], { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code) => resolve(code ?? -1));
    });
  }

  /** Resolves to its output; rejects with it unless the command succeeds. */
  async succeeds(): Promise<string> {
    const code = await this.exited;
    if (code !== 0) throw new Error(`${this.#child.spawnargs.join(' ')} ended with ${code}:\n${this.output}`);
    return this.output;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGINT');
    await this.exited;
  }
}

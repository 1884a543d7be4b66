import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where Debian puts it, beside what the path says. */
const PROGRAM = ['nats-server', '/usr/sbin/nats-server'].find(
  (one) => spawnSync(one, ['--version']).status === 0,
);

/** Whether a nats-server is installed (Debian: package nats-server). */
export const HAS_NATS = PROGRAM !== undefined;

/** A nats-server with JetStream on a port and in a directory of its own, which can be killed and started again. */
export class NatsServer {
  readonly #dir = mkdtempSync(join(tmpdir(), 'nats-'));
  #port = 0;
  #child: ChildProcess | null = null;

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async start(): Promise<this> {
    if (this.#port === 0) this.#port = await freePort();
    const args = ['-a', '127.0.0.1', '-p', String(this.#port), '-js', '-sd', this.#dir];
    this.#child = spawn(PROGRAM!, args, { stdio: 'ignore' });
    while (!(await accepts(this.#port))) await new Promise((resolve) => setTimeout(resolve, 20));
    return this;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

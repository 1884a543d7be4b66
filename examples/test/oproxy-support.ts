import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { startPrivateDaemon } from '../../test/scenarios/private-daemon.mjs';
import { until } from '../../test/scenarios/until.mjs';
import { StartedProgram } from '../../test/support/started-program.ts';

export const LAYER = 'home';

type Line = Readonly<Record<string, string | number>> & { readonly event: string };

/** One end of the proxy, with the status lines it printed. */
export class ProxyEnd {
  readonly program: StartedProgram;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    this.program = new StartedProgram('examples/dist/oproxy.js', [...args, '--json'], env);
  }

  lines(event: string): Line[] {
    const whole = this.program.output.split('\n').slice(0, -1);
    return whole.flatMap((text) => {
      if (!text.startsWith('{')) return [];
      const line = JSON.parse(text) as Line;
      return line.event === event ? [line] : [];
    });
  }

  /** Resolves to the first `count` lines about the event. */
  async tells(event: string, count = 1): Promise<Line[]> {
    return until(
      () => {
        const lines = this.lines(event);
        return lines.length >= count && lines;
      },
      `${count} x ${event} in:\n${this.program.output}`,
      { deadlineMs: 60_000 },
    );
  }
}

/** A private daemon, and what was started for one test. */
export class ProxyWorld {
  readonly daemon: Awaited<ReturnType<typeof startPrivateDaemon>>;
  #ends: ProxyEnd[] = [];
  #servers: Server[] = [];
  #sockets = new Set<Socket>();
  #names = 0;

  static async start(): Promise<ProxyWorld> {
    return new ProxyWorld(await startPrivateDaemon({ layer: LAYER }));
  }

  private constructor(daemon: ProxyWorld['daemon']) {
    this.daemon = daemon;
  }

  freshName(): string {
    return `tcp-${++this.#names}`;
  }

  run(...args: string[]): ProxyEnd {
    const end = new ProxyEnd(args, this.daemon.env);
    this.#ends.push(end);
    return end;
  }

  /** A TCP server of the test itself; returns its port. */
  async server(onConnection: (socket: Socket) => void): Promise<number> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      onConnection(this.keep(socket));
    });
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    return socket.on('error', () => undefined);
  }

  /** Both ends of a proxy to a TCP port; what each prints, and the port to connect to. */
  async proxy(
    serverPort: number,
    options: { listen?: string[]; serve?: string[]; name?: string } = {},
  ): Promise<{ near: ProxyEnd; far: ProxyEnd; port: number; name: string }> {
    const name = options.name ?? this.freshName();
    const far = this.run('serve', name, `127.0.0.1:${serverPort}`, ...(options.serve ?? []));
    const near = this.run('listen', '0', name, ...(options.listen ?? []));
    const [listening] = await near.tells('listening');
    await until(async () => {
      const names = (await this.daemon.irmJson('name', 'list')) as { name: string; acceptors: number }[];
      return names.some((one) => one.name === name && one.acceptors > 0);
    }, `${name} accepts`);
    return { near, far, port: listening!['port'] as number, name };
  }

  /** A client's socket that ends each direction for itself. */
  async connect(port: number): Promise<Socket> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.keep(socket);
    await once(socket, 'connect');
    return socket;
  }

  async noFlows(): Promise<void> {
    await until(
      async () => ((await this.daemon.irmJson('flow', 'list')) as unknown[]).length === 0,
      'no flow is left',
    );
  }

  async clean(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    for (const server of this.#servers.splice(0)) server.close();
    for (const { program } of this.#ends) program.kill('SIGKILL');
    await Promise.all(this.#ends.splice(0).map(({ program }) => program.exited));
  }
}

/** All bytes until the end of the direction. */
export async function allOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

/** The code of the error that ends the socket; it is read all the while. */
export async function errorOf(socket: Socket): Promise<string | undefined> {
  socket.resume();
  const [error] = (await once(socket, 'error')) as [{ code?: string }];
  return error.code;
}

export function descriptorsOf(pid: number): number {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

export function residentBytesOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kilobytes) * 1_024;
}

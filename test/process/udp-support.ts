import { createSocket } from 'node:dgram';
import { startAgent } from '../scenarios/agent.mjs';
import { connectControl } from '@flowring/control';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import type { ConfigValues } from '@flowring/common';
import type { Agent, PrivateDaemon } from './flows-support.ts';

/** Name of the layer that joins the two hosts. */
export const LAYER = 'net';

/** A free UDP port of the loopback interface. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** One of the two hosts: a daemon of its own with an IPCP of the layer, and programs. */
export class UdpHost {
  readonly daemon: PrivateDaemon;
  readonly #agents: Agent[] = [];
  #stopped = false;

  private constructor(daemon: PrivateDaemon) {
    this.daemon = daemon;
  }

  static async start(config: ConfigValues): Promise<UdpHost> {
    const daemon = await startPrivateDaemon();
    await daemon.irm('ipcp', 'create', 'udp0', '--type', 'udp');
    const control = await connectControl({
      dir: daemon.dir,
      kind: 'tool',
      program: 'test',
      channels: [],
      onMessage: () => undefined,
      onClose: () => undefined,
    });
    await control.request({ t: 'ipcp-configure', ipcp: 'udp0', layer: LAYER, config });
    await control.close();
    return new UdpHost(daemon);
  }

  async program(): Promise<Agent> {
    const agent = await startAgent(this.daemon.env);
    this.#agents.push(agent);
    return agent;
  }

  /** Stops the IPCP in the midst of what it does, as if the host had lost its power: nobody hears of it. */
  async vanish(): Promise<void> {
    for (const { pid } of await this.daemon.irmJson('ipcp', 'list')) process.kill(pid, 'SIGSTOP');
    this.#stopped = true;
  }

  async stop(): Promise<void> {
    if (this.#stopped) {
      for (const { pid } of await this.daemon.irmJson('ipcp', 'list')) process.kill(pid, 'SIGCONT');
    }
    await Promise.all(this.#agents.map((agent) => agent.stop()));
    await this.daemon.stop();
  }
}

/** Two hosts on this one: the client's knows by its configuration where the names of the server's are. */
export async function startTwoHosts(
  names: readonly string[],
): Promise<{ readonly client: UdpHost; readonly server: UdpHost }> {
  const [clientPort, serverPort] = [await freePort(), await freePort()];
  const at = `127.0.0.1:${serverPort}`;
  const server = await UdpHost.start({ host: '127.0.0.1', port: serverPort });
  const client = await UdpHost.start({
    host: '127.0.0.1',
    port: clientPort,
    names: Object.fromEntries(names.map((name) => [name, at])),
  });
  return { client, server };
}

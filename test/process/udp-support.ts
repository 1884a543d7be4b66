import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { startAgent } from '../scenarios/agent.mjs';
import { connectControl } from '@flowring/control';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import type { ConfigValues } from '@flowring/common';
import type { Agent, PrivateDaemon } from './flows-support.ts';

/** Name of the layer that joins the two hosts. */
export const LAYER = 'net';

export type Family = 4 | 6;

/** The loopback interface's address. */
export const LOOPBACK: Readonly<Record<Family, string>> = { 4: '127.0.0.1', 6: '::1' };

/** The families this host has a loopback address of. */
export const FAMILIES: readonly Family[] = ([4, 6] as const).filter((family) =>
  networkInterfaces()['lo']?.some(({ address }) => address === LOOPBACK[family]),
);

export function endpoint(family: Family, port: number): string {
  return family === 4 ? `${LOOPBACK[4]}:${port}` : `[${LOOPBACK[6]}]:${port}`;
}

/** A free UDP port of the loopback interface. */
export function freePort(family: Family = 4): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(`udp${family}`);
    socket.once('error', reject);
    socket.bind(0, LOOPBACK[family], () => {
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
  family: Family = 4,
): Promise<{ readonly client: UdpHost; readonly server: UdpHost }> {
  const [clientPort, serverPort] = [await freePort(family), await freePort(family)];
  const host = LOOPBACK[family];
  const server = await UdpHost.start({ host, port: serverPort });
  const client = await UdpHost.start({
    host,
    port: clientPort,
    names: Object.fromEntries(names.map((name) => [name, endpoint(family, serverPort)])),
  });
  return { client, server };
}

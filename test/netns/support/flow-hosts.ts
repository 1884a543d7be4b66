import path from 'node:path';
import { startPrivateDaemon } from '../../scenarios/private-daemon.mjs';
import { startRemoteProgram } from '../../scenarios/remote-program.mjs';
import type { Relay } from '../relay/relay.ts';
import type { Side } from '../relay/relaying.ts';
import { TwoHosts } from './two-hosts.ts';

/** Name of the layer that joins the hosts, and of the IPCP on each. */
export const LAYER = 'net';
export const UDP_PORT = 3_436;

/** The names host b may serve; its peer's static directory has them all. */
export const NAMES = ['echo', 'digest', 'check', 'keep', 'redis', 'postgres'] as const;

const PROGRAM = path.join(import.meta.dirname, 'net-program.mjs');
const RUNNER = path.resolve(import.meta.dirname, '../../support/typescript-program.mjs');
const UDP_PROGRAM = path.join(import.meta.dirname, 'udp-program.ts');

export type Daemon = Awaited<ReturnType<typeof startPrivateDaemon>>;
export type Program = Awaited<ReturnType<typeof startRemoteProgram>>;

/** Two hosts with a daemon and an IPCP of one `udp` layer each; and programs on them. */
export class FlowHosts {
  readonly hosts: TwoHosts;
  readonly #daemons = new Map<Side, Daemon>();
  #programs: Program[] = [];

  private constructor(hosts: TwoHosts) {
    this.hosts = hosts;
  }

  static relayed(settings?: Settings): Promise<FlowHosts> {
    return FlowHosts.#start(TwoHosts.relayed({ port: UDP_PORT }), settings);
  }

  static joined(settings?: Settings, family: 4 | 6 = 4): Promise<FlowHosts> {
    return FlowHosts.#start(TwoHosts.joined(family), settings);
  }

  static async #start(making: Promise<TwoHosts>, settings: Settings = {}): Promise<FlowHosts> {
    const all = new FlowHosts(await making);
    try {
      await Promise.all([all.#startDaemon('a', settings), all.#startDaemon('b', settings)]);
    } catch (error) {
      await all.stop();
      throw error;
    }
    return all;
  }

  get relay(): Relay {
    return this.hosts.relay!;
  }

  daemon(side: Side): Daemon {
    return this.#daemons.get(side)!;
  }

  /** The pid of the host's IPCP. */
  async ipcpPid(side: Side): Promise<number> {
    const list = (await this.daemon(side).irmJson('ipcp', 'list')) as { ipcp: string; pid: number }[];
    return list.find(({ ipcp }) => ipcp === LAYER)!.pid;
  }

  async program(side: Side): Promise<Program> {
    const { env } = this.daemon(side);
    const entry = this.hosts[side].entry;
    const program = await startRemoteProgram({ args: [PROGRAM], env, entry });
    this.#programs.push(program);
    return program;
  }

  /** Somebody between the hosts who speaks plain UDP (udp-program.ts). */
  async stranger(): Promise<Program> {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const entry = this.hosts.wire!.entry;
    const program = await startRemoteProgram({ args: [RUNNER, UDP_PROGRAM], env, entry });
    this.#programs.push(program);
    return program;
  }

  /** What the programs of one scenario leave; the hosts stay. */
  async stopPrograms(): Promise<void> {
    const programs = this.#programs;
    this.#programs = [];
    await Promise.all(programs.map((program) => program.stop()));
  }

  async stop(): Promise<void> {
    await this.stopPrograms();
    await Promise.all([...this.#daemons.values()].map((daemon) => daemon.stop()));
    await this.hosts.remove();
  }

  async #startDaemon(side: Side, settings: Settings): Promise<void> {
    const host = this.hosts[side];
    const daemon = await startPrivateDaemon({ entry: host.entry });
    this.#daemons.set(side, daemon);
    const { own, peer } = this.hosts.addresses[side];
    const at = `${peer.includes(':') ? `[${peer}]` : peer}:${UDP_PORT}`;
    const names = side === 'a' ? NAMES.map((name) => [`names.${name}`, at] as const) : [];
    const all = [['host', own] as const, ['port', UDP_PORT] as const, ...names, ...Object.entries(settings)];
    const sets = all.flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);
    await daemon.irm('ipcp', 'bootstrap', LAYER, '--type', 'udp', '--layer', LAYER, ...sets);
  }
}

/** Further keys of the layer's configuration, on both hosts. */
export type Settings = Readonly<Record<string, string | number>>;

import fs from 'node:fs';
import { startAgent } from '../scenarios/agent.mjs';
import type { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import { until } from '../scenarios/until.mjs';

export type PrivateDaemon = Awaited<ReturnType<typeof startPrivateDaemon>>;
export type Agent = Awaited<ReturnType<typeof startAgent>>;

/** Name of the local layer in the tests of flows. */
export const LAYER = 'local-layer';

/** The two ways between programs of one host: as options of an allocation. */
export const PATHS = [
  { path: 'direct', via: {} },
  { path: 'a local layer', via: { layer: LAYER } },
] as const;

/** Agents of one test, all ended by `stop`. */
export class Agents {
  readonly #env: NodeJS.ProcessEnv;
  readonly #all: Agent[] = [];

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  async start(): Promise<Agent> {
    const agent = await startAgent(this.#env);
    this.#all.push(agent);
    return agent;
  }

  /** A program that accepts for `name` as `how` says, registered with the layer too. */
  async startServer(
    daemon: PrivateDaemon,
    name: string,
    how: 'serveEcho' | 'serveKeep' | 'serveDecide',
  ): Promise<Agent> {
    const server = await this.start();
    await server.call(how, name);
    await daemon.irm('name', 'register', name, '--layer', LAYER);
    return server;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((agent) => agent.stop()));
  }
}

/** The code of the FlowringError a promise rejects with; `null` when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<string | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

export function descriptorsOf(pid: number): number {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

export async function flowCount(daemon: PrivateDaemon): Promise<number> {
  return (await daemon.irmJson('flow', 'list')).length;
}

/** Waits until the daemon lists `flows` flow endpoints and each process has no more descriptors than it had. */
export async function settles(
  daemon: PrivateDaemon,
  { flows, descriptors }: { flows: number; descriptors: ReadonlyMap<number, number> },
): Promise<void> {
  await until(async () => (await flowCount(daemon)) === flows, `${flows} flow endpoints are left`);
  for (const [pid, before] of descriptors) {
    await until(() => descriptorsOf(pid) <= before, `process ${pid} has ${before} descriptors again`);
  }
}

import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { availableKinds } from '@flowring/channel';
import type { MetricsReport } from '@flowring/common';
import { FlowringError, isFlowringError, renderMetrics, TIMES } from '@flowring/common';
import type { ControlServer, ManagementRequest } from '@flowring/control';
import { prepareRuntimeDir, runtimeDir, startControlServer } from '@flowring/control';
import type { IrmConfig } from './adapters/config-file.ts';
import { requestsOf } from './adapters/config-file.ts';
import { ChannelFolder } from './adapters/channel-folder.ts';
import { IrmDriver } from './adapters/irm-driver.ts';
import type { MetricsAddress } from './adapters/metrics-server.ts';
import { MetricsServer } from './adapters/metrics-server.ts';
import { ipcpdPath } from './adapters/ipcpd-path.ts';
import { IrmMachine } from './core/irm-machine.ts';
import type { IrmSettings } from './core/settings.ts';

export interface DaemonOptions {
  /** Runtime directory. Default: FLOWRING_DIR and so on, see `runtimeDir`. */
  readonly dir?: string;
  /** Brings up a local layer named "local" and ends after `idleExitMs` without programs. Default false. */
  readonly auto?: boolean;
  /** With `auto`: default {@link TIMES}.idleExitMs. */
  readonly idleExitMs?: number;
  /** Bounds and times of the core that differ from the defaults. */
  readonly settings?: Partial<IrmSettings>;
  /** Layers, names and bindings to bring up; its settings count less than `settings`. */
  readonly config?: IrmConfig;
  /** The IPCP program. Default: that of the installed @flowring/ipcpd. */
  readonly ipcpd?: string;
  /** A line for the operator: what happened, and what children wrote. */
  readonly onLog?: (line: string) => void;
}

/** A running IRM daemon. */
export interface Daemon {
  readonly dir: string;
  readonly driver: IrmDriver;
  /** Ends children, tells processes, removes files. Idempotent. */
  stop(): Promise<void>;
  /** For a crash: ends children at once and removes the channel files. */
  abort(): void;
  /** Resolves when the daemon has stopped, for whatever reason. */
  readonly stopped: Promise<void>;
}

/**
 * Starts the IRM daemon of a runtime directory. Rejects `FLOWRING_ALREADY_RUNNING`, `FLOWRING_RUNTIME_DIR`
 * and `FLOWRING_CONFIG`.
 */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const dir = resolve(options.dir ?? runtimeDir());
  const onLog = options.onLog ?? (() => undefined);
  prepareRuntimeDir(dir);
  const running = new RunningDaemon(dir, options, onLog);
  await running.open();
  if (options.config !== undefined) await running.bringUp(options.config);
  if (options.auto === true) await running.bringUpLocalLayer();
  return running;
}

class RunningDaemon implements Daemon {
  readonly dir: string;
  readonly stopped: Promise<void>;
  driver!: IrmDriver;
  readonly #options: DaemonOptions;
  readonly #onLog: (line: string) => void;
  #channels: ChannelFolder | null = null;
  #server: ControlServer | null = null;
  #stopping: Promise<void> | null = null;
  #metrics: MetricsServer | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  #resolveStopped: () => void = () => undefined;

  constructor(dir: string, options: DaemonOptions, onLog: (line: string) => void) {
    this.dir = dir;
    this.#options = options;
    this.#onLog = onLog;
    this.stopped = new Promise((done) => (this.#resolveStopped = done));
  }

  async open(): Promise<void> {
    // The lock comes first: what is in the channel folder may be a running daemon's.
    let driver: IrmDriver | null = null;
    const server = await startControlServer({
      dir: this.dir,
      events: {
        onProcess: (process) => driver?.onProcess(process) ?? false,
        onMessage: (process, message) => driver?.onMessage(process, message),
        onGone: (process) => driver?.onGone(process),
      },
    });
    this.#server = server;
    this.#channels = new ChannelFolder(this.dir);
    const machine = new IrmMachine({
      ownUid: process.getuid?.() ?? 0,
      ownPid: process.pid,
      channelDir: this.#channels.path,
      channelKinds: availableKinds(),
      ...this.#options.config?.settings,
      ...this.#options.settings,
    });
    driver = new IrmDriver({
      machine,
      dir: this.dir,
      channels: this.#channels,
      ipcpd: this.#options.ipcpd ?? ipcpdPath(),
      onLog: this.#onLog,
      onShutdown: () => void this.stop(),
      onPopulation: (programs) => this.#watchIdleness(programs),
    });
    driver.attach(server);
    this.driver = driver;
    this.#watchIdleness(0);
  }

  /** Does what a configuration asks for; the first failure stops the daemon. Rejects `FLOWRING_CONFIG`. */
  async bringUp(config: IrmConfig): Promise<void> {
    await this.#serveMetrics(config.metrics);
    for (const request of requestsOf(config)) {
      try {
        await this.driver.own.request(request);
      } catch (cause) {
        await this.stop();
        throw bringUpError(config, request, cause as Error);
      }
    }
  }

  async #serveMetrics(address: MetricsAddress | null): Promise<void> {
    if (address === null) return;
    try {
      this.#metrics = await MetricsServer.listen(address, async () =>
        renderMetrics((await this.driver.own.request({ t: 'metrics' })) as MetricsReport),
      );
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async bringUpLocalLayer(): Promise<void> {
    try {
      await this.driver.own.request({ t: 'ipcp-create', ipcp: 'local', type: 'local' });
      await this.driver.own.request({ t: 'ipcp-configure', ipcp: 'local', layer: 'local' });
    } catch (error) {
      this.#onLog(`no local layer: ${(error as Error).message}`);
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  abort(): void {
    this.driver.children.killAll();
    this.#channels?.remove();
    for (const name of ['guard.sock', 'ctl.sock', 'pub.sock']) rmSync(`${this.dir}/${name}`, { force: true });
  }

  async #stop(): Promise<void> {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    // The reply to the request that stops us is written in this turn.
    await new Promise((done) => setImmediate(done));
    this.#server?.publish('stopping', { pid: process.pid });
    this.#metrics?.close();
    this.driver.stop();
    await this.driver.children.stopAll();
    await this.#server?.stop();
    this.#channels?.remove();
    this.#resolveStopped();
  }

  #watchIdleness(programs: number): void {
    if (this.#options.auto !== true || this.#stopping !== null) return;
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
    if (programs > 0) return;
    const idleMs = this.#options.idleExitMs ?? TIMES.idleExitMs;
    this.#idleTimer = setTimeout(() => {
      this.#onLog(`no programs for ${idleMs} ms: ending`);
      void this.stop();
    }, idleMs);
  }
}

/** Why a configuration could not be brought up; names the key in the file where an IPCP named one of its own. */
function bringUpError(config: IrmConfig, request: ManagementRequest, cause: Error): FlowringError {
  const ipcp = 'ipcp' in request ? config.ipcps.find((one) => one.ipcp === request.ipcp) : undefined;
  const key = isFlowringError(cause, 'FLOWRING_CONFIG') ? cause.details['key'] : undefined;
  const at = ipcp === undefined || typeof key !== 'string' ? undefined : [ipcp.at, key].join(key && '.');
  const place = at === undefined ? request.t : `${request.t}: in ${ipcp!.at}`;
  const message = `the configuration cannot be brought up: ${place}: ${cause.message}`;
  const details = { request: request.t, ...(at === undefined ? {} : { key: at }) };
  return new FlowringError('FLOWRING_CONFIG', { message, details, cause });
}

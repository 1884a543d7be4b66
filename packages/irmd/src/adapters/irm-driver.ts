import { randomBytes } from 'node:crypto';
import type { AttestedProcess, ControlMessage } from '@flowring/common';
import type { ControlServer, ControlServerEvents } from '@flowring/control';
import type { Effect, Input } from '../core/inputs.ts';
import type { IrmMachine } from '../core/irm-machine.ts';
import type { ChannelFolder } from './channel-folder.ts';
import { ChildProcesses } from './child-processes.ts';
import { monotonicUs } from './monotonic-clock.ts';
import { OwnRequests } from './own-requests.ts';
import { identityOf } from './proc-info.ts';

export interface IrmDriverOptions {
  readonly machine: IrmMachine;
  readonly dir: string;
  readonly channels: ChannelFolder;
  /** The IPCP program, or `null` when it is not installed. */
  readonly ipcpd: string | null;
  readonly onLog: (line: string) => void;
  readonly onShutdown: () => void;
  /** The number of registered programs (not IPCPs) changed. */
  readonly onPopulation: (programs: number) => void;
}

/** Feeds the core with what happens and does what it says. One timer; messages go before timeouts in every turn. */
export class IrmDriver implements ControlServerEvents {
  readonly own: OwnRequests;
  readonly children: ChildProcesses;
  readonly #options: IrmDriverOptions;
  readonly #inputs: Input[] = [];
  readonly #programs = new Set<number>();
  #server: ControlServer | null = null;
  #busy = false;
  #stopped = false;
  #timer: NodeJS.Timeout | null = null;
  #timerAtUs = Infinity;

  constructor(options: IrmDriverOptions) {
    this.#options = options;
    this.own = new OwnRequests((message) => this.#take({ type: 'message', process: 0, message }));
    this.children = new ChildProcesses({
      onExit: (child, outcome) => this.#take({ type: 'child-exited', child, outcome }),
      onFailed: (child, reason) => this.#take({ type: 'spawn-failed', child, reason }),
      onLine: (label, line) => options.onLog(`${label}: ${line}`),
    });
  }

  attach(server: ControlServer): void {
    this.#server = server;
  }

  get programs(): number {
    return this.#programs.size;
  }

  onProcess(process: AttestedProcess): boolean {
    if (this.#stopped || !this.#options.machine.hasRoom) return false;
    if (process.kind !== 'ipcp') this.#programs.add(process.process);
    this.#inputs.push({ type: 'process-joined', process });
    // The server can send to the process only when we have said yes; what it says meanwhile queues behind this.
    queueMicrotask(() => this.#drain());
    this.#options.onPopulation(this.#programs.size);
    return true;
  }

  onMessage(process: number, message: ControlMessage): void {
    const input = { type: 'message', process, message } as const;
    this.#take(message.t === 'bind-process' ? { ...input, target: identityOf(message.pid) } : input);
  }

  onGone(process: number): void {
    this.#take({ type: 'process-gone', process });
    if (this.#programs.delete(process)) this.#options.onPopulation(this.#programs.size);
  }

  /** Takes no more inputs. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.own.abandon();
  }

  #take(input: Input): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    this.#drain();
  }

  #drain(): void {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        this.#doAll(this.#options.machine.handle(next, monotonicUs()));
      }
    } finally {
      this.#busy = false;
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const atUs = this.#options.machine.nextTimeout() ?? Infinity;
    if (this.#stopped || (this.#timer !== null && this.#timerAtUs <= atUs)) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (atUs === Infinity) return;
    this.#timerAtUs = atUs;
    const delayMs = Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil((atUs - monotonicUs()) / 1_000)));
    // The immediate lets the poll phase deliver waiting messages first.
    this.#timer = setTimeout(() => setImmediate(() => this.#onTimer()), delayMs);
  }

  #onTimer(): void {
    this.#timer = null;
    if (this.#stopped) return;
    this.#doAll(this.#options.machine.handleTimeout(monotonicUs()));
    this.#setTimer();
  }

  #doAll(effects: readonly Effect[]): void {
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        if (effect.process === 0) this.own.take(effect.message);
        else this.#server?.send(effect.process, effect.message);
        return;
      case 'publish':
        return this.#server?.publish(effect.event, effect.fields);
      case 'make-channel':
        return this.#makeChannel(effect);
      case 'unlink-channel':
        return this.#options.channels.unlink(effect.path, effect.kind);
      case 'drop':
        return this.#server?.drop(effect.process);
      case 'kill':
        return this.children.stop(effect.child);
      case 'shutdown':
        return this.#options.onShutdown();
      case 'spawn-program':
        return this.#spawnProgram(effect);
      default:
        return this.#spawnIpcp(effect);
    }
  }

  #makeChannel(effect: Extract<Effect, { type: 'make-channel' }>): void {
    const { channel, path, kind, ringBytes, uid, gid } = effect;
    try {
      const token = this.#options.channels.make(path, kind, ringBytes, uid, gid);
      this.#take({ type: 'channel-made', channel, token });
    } catch (error) {
      this.#take({ type: 'channel-failed', channel, reason: (error as Error).message });
    }
  }

  #spawnProgram(effect: Extract<Effect, { type: 'spawn-program' }>): void {
    const { child, program, args, uid, gid } = effect;
    const script = /\.[cm]?js$/.test(program);
    const pid = this.children.start({
      child,
      command: script ? process.execPath : program,
      args: script ? [program, ...args] : args,
      env: this.#environment(),
      uid,
      gid,
      label: program.slice(program.lastIndexOf('/') + 1),
    });
    if (pid !== null) this.#take({ type: 'child-started', child, pid, token: '' });
  }

  #spawnIpcp(effect: Extract<Effect, { type: 'spawn-ipcp' }>): void {
    const { child, ipcp, ipcpType } = effect;
    const { ipcpd } = this.#options;
    if (ipcpd === null) {
      const reason = 'the program ipcpd is not installed (@flowring/ipcpd); FLOWRING_IPCPD can name it';
      return this.#take({ type: 'spawn-failed', child, reason });
    }
    const token = randomBytes(16).toString('hex');
    const pid = this.children.start({
      child,
      command: process.execPath,
      args: [ipcpd, '--type', ipcpType, '--name', ipcp],
      env: { ...this.#environment(), FLOWRING_TOKEN: token },
      label: `ipcpd ${ipcp}`,
    });
    if (pid !== null) this.#take({ type: 'child-started', child, pid, token });
  }

  #environment(): Readonly<Record<string, string | undefined>> {
    return { ...process.env, FLOWRING_DIR: this.#options.dir };
  }
}

/** Longest delay of a Node timer that is not taken for 1 ms. */
const TIMER_MAX_MS = 2 ** 31 - 1;

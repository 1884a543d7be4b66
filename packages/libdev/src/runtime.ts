import type { QosCubeName, QosSpec } from '@flowring/common';
import { FlowringError, isFlowringError, isName, LIMITS, parseQos, qosCubes, TIMES } from '@flowring/common';
import type { AcceptorHost, FlowAcceptOptions, Offered } from './acceptor.ts';
import { Acceptor, dropOffered } from './acceptor.ts';
import type { LinkServices } from './channel-link.ts';
import type { RuntimeClock } from './clock.ts';
import type { Environment } from './environment.ts';
import type { BaseFlow } from './flow-base.ts';
import type { FlowAllocOptions, WaitOptions } from './flow-types.ts';
import { FrcpDriver } from './frcp-driver.ts';
import type { SessionEvents } from './session.ts';
import { Session } from './session.ts';
import { abortError, timeoutError, WaitQueue } from './wait-queue.ts';

/** Between two attempts to find the IRMd again, ms: doubled each time up to the second. */
const RECONNECT_FIRST_MS = 50;
const RECONNECT_LAST_MS = 1_000;
/** Flows that came for a single accept whose wait was over; each waits `TIMES.acceptorGraceMs` for the next. */
const STRAYS_MAX = 64;

interface Stray {
  readonly name: string;
  readonly offered: Offered;
}

/** A process's flows: its connection to the IRMd, channels and acceptors. */
export class Runtime implements AcceptorHost, LinkServices, SessionEvents {
  readonly env: Environment;
  readonly driver: FrcpDriver;
  readonly #connectWaiters: WaitQueue<undefined, Session>;
  readonly #acceptors = new Map<number, Acceptor>();
  readonly #names = new Set<string>();
  readonly #strays = new Set<Stray>();
  /** Single acceptors that are closed while their credit may still bring a flow. */
  readonly #closedSingles = new Set<number>();
  #session: Session | null = null;
  #connecting: AbortController | null = null;
  #reconnectMs = RECONNECT_FIRST_MS;
  #nextAcceptor = 1;
  #holders: BaseFlow[] = [];
  #shutDown = false;

  constructor(env: Environment) {
    this.env = env;
    this.driver = new FrcpDriver(env.clock);
    this.#connectWaiters = new WaitQueue(env.clock);
  }

  get clock(): RuntimeClock {
    return this.env.clock;
  }

  async alloc(name: string, options: FlowAllocOptions = {}): Promise<BaseFlow> {
    const { layer, data, mode, signal, timeoutMs = TIMES.allocTimeoutMs } = options;
    checkName(name);
    if (layer !== undefined) checkName(layer);
    checkData(data);
    const qos = resolveQos(options.qos ?? 'raw');
    const startedUs = this.clock.nowUs();
    const session = await this.#connected({ timeoutMs, signal });
    const leftMs = Math.ceil(timeoutMs - (this.clock.nowUs() - startedUs) / 1_000);
    if (signal?.aborted === true) throw abortError(signal);
    if (leftMs <= 0) throw timeoutError(timeoutMs);
    const direct = options.direct ?? (layer === undefined ? undefined : false);
    const optional = { ...(layer !== undefined && { layer }), ...(direct !== undefined && { direct }) };
    const boundedMs = Math.min(leftMs, 0xffff_ffff);
    return session.alloc(
      { name, qos, timeoutMs: boundedMs, mode, ...optional, ...(data && { data }) },
      signal,
    );
  }

  /** `single`: for one flow only. */
  acceptor(options: FlowAcceptOptions, decide: boolean, single = false): Acceptor {
    if (options.name !== undefined) checkName(options.name);
    const { backlogMax } = options;
    if (backlogMax !== undefined && !(Number.isInteger(backlogMax) && backlogMax > 0)) {
      throw invalid('backlogMax is a positive whole number');
    }
    const id = this.#nextAcceptor++;
    const acceptor = new Acceptor(this, id, options, decide, single ? 1 : Infinity);
    if (acceptor.isClosed) return acceptor;
    this.#acceptors.set(id, acceptor);
    if (!decide) this.#adoptStray(acceptor);
    if (this.#session?.isOpen === true) acceptor.connected();
    else this.wantConnection();
    return acceptor;
  }

  async acceptOnce(options: FlowAcceptOptions, decide: boolean): Promise<Offered> {
    const acceptor = this.acceptor({ ...options, backlogMax: 1 }, decide, true);
    try {
      return await acceptor.accept();
    } catch (error) {
      this.#closedSingles.add(acceptor.id);
      if (this.#closedSingles.size > STRAYS_MAX) {
        for (const oldest of this.#closedSingles) {
          this.#closedSingles.delete(oldest);
          break;
        }
      }
      throw error;
    } finally {
      await acceptor.close();
    }
  }

  async bind(name: string, options: WaitOptions = {}): Promise<void> {
    checkName(name);
    const session = await this.#connected(options);
    await session.control.request({ t: 'bind-process', pid: this.env.pid, name }, given(options));
    this.#names.add(name);
  }

  async unbind(name: string, options: WaitOptions = {}): Promise<void> {
    checkName(name);
    this.#names.delete(name);
    const session = await this.#connected(options);
    await session.control.request({ t: 'unbind-process', pid: this.env.pid, name }, given(options));
  }

  /** Ends everything at once: acceptors, flows, channels, the connection. The next call starts afresh. */
  async shutdown(): Promise<void> {
    this.#shutDown = true;
    this.#connecting?.abort();
    for (const acceptor of [...this.#acceptors.values()]) await acceptor.close();
    for (const stray of [...this.#strays]) this.#dropStray(stray);
    this.#names.clear();
    const session = this.#session;
    this.#session = null;
    await session?.close();
    this.#shutDown = false;
  }

  compactLater(flow: BaseFlow): void {
    if (this.#holders.length === 0) this.clock.afterInput(this.#compact);
    this.#holders.push(flow);
  }

  sendNow(message: Parameters<Session['send']>[0]): boolean {
    return this.#session?.send(message) === true;
  }

  wantConnection(): void {
    if (this.#session?.isOpen !== true && this.#connecting === null) void this.#connect(true);
  }

  acceptorClosed(acceptor: Acceptor): void {
    this.#acceptors.delete(acceptor.id);
  }

  takesLeased(id: number): boolean {
    return this.#acceptors.get(id)?.takesLeased === true;
  }

  onOffer(id: number, name: string, offered: Offered, leased = false): boolean {
    const acceptor = this.#acceptors.get(id);
    if (acceptor !== undefined) {
      if (acceptor.options.mode !== undefined && 'mode' in offered) offered.mode = acceptor.options.mode;
      acceptor.offered(offered, leased);
      return true;
    }
    if (!this.#closedSingles.delete(id) || 'drop' in offered) return false;
    const next = [...this.#acceptors.values()].find((a) => !a.decide && matches(a, name));
    if (next !== undefined) next.offered(offered);
    else this.#keepStray({ name, offered });
    return true;
  }

  onWithdrawn(offered: Offered): void {
    for (const acceptor of this.#acceptors.values()) acceptor.withdrawn(offered);
  }

  onClosed(session: Session): void {
    if (this.#session !== session) return;
    this.#session = null;
    if (!this.#shutDown) this.#reconnectLater();
  }

  readonly #compact = (): void => {
    const holders = this.#holders;
    this.#holders = [];
    for (const flow of holders) flow.compact();
  };

  #connected(options: WaitOptions): Promise<Session> {
    if (this.#session?.isOpen === true) return Promise.resolve(this.#session);
    this.wantConnection();
    return this.#connectWaiters.wait(0, undefined, options);
  }

  async #connect(autostart: boolean): Promise<void> {
    const session = new Session(this, this);
    const abort = new AbortController();
    this.#connecting = abort;
    const { onMessage, onClose } = session;
    try {
      session.connected(await this.env.connect({ onMessage, onClose, autostart, signal: abort.signal }));
    } catch (error) {
      this.#connecting = null;
      this.#unreachable(error, autostart);
      return;
    }
    this.#connecting = null;
    if (abort.signal.aborted) {
      await session.close();
      return;
    }
    this.#session = session;
    this.#reconnectMs = RECONNECT_FIRST_MS;
    this.#rebind(session);
    for (const acceptor of [...this.#acceptors.values()]) acceptor.connected();
    while (this.#connectWaiters.length > 0) this.#connectWaiters.shift().resolve(session);
  }

  /** A first call learns that there is no daemon; who was connected before waits until there is one again. */
  #unreachable(error: unknown, tell: boolean): void {
    const known = isFlowringError(error)
      ? error
      : new FlowringError('FLOWRING_IRMD_UNREACHABLE', { cause: error });
    this.#connectWaiters.rejectAll(() => known);
    if (tell) for (const acceptor of [...this.#acceptors.values()]) acceptor.unreachable(known);
    else this.#reconnectLater();
  }

  #rebind(session: Session): void {
    for (const name of this.#names) {
      session.control.request({ t: 'bind-process', pid: this.env.pid, name }).catch(() => undefined);
    }
  }

  #reconnectLater(): void {
    if (this.#acceptors.size === 0 && this.#names.size === 0) return;
    const delayMs = this.#reconnectMs;
    this.#reconnectMs = Math.min(delayMs * 2, RECONNECT_LAST_MS);
    this.clock.after(delayMs * 1_000, () => {
      if (this.#session === null && this.#connecting === null) void this.#connect(false);
    });
  }

  #keepStray(stray: Stray): void {
    if (this.#strays.size >= STRAYS_MAX) {
      dropOffered(stray.offered);
      return;
    }
    this.#strays.add(stray);
    this.clock.after(TIMES.acceptorGraceMs * 1_000, () => {
      this.#dropStray(stray);
    });
  }

  #dropStray(stray: Stray): void {
    if (this.#strays.delete(stray)) dropOffered(stray.offered);
  }

  #adoptStray(acceptor: Acceptor): void {
    for (const stray of this.#strays) {
      if (!matches(acceptor, stray.name)) continue;
      this.#strays.delete(stray);
      acceptor.offered(stray.offered);
      return;
    }
  }
}

function matches(acceptor: Acceptor, name: string): boolean {
  return acceptor.options.name === undefined || acceptor.options.name === name;
}

/** The specification a caller meant; throws `FLOWRING_BAD_QOS`. */
export function resolveQos(qos: QosSpec | QosCubeName): QosSpec {
  if (typeof qos === 'string' && Object.hasOwn(qosCubes, qos)) return qosCubes[qos];
  const parsed = parseQos(qos);
  if (parsed !== null) return parsed;
  const cubes = Object.keys(qosCubes).join(', ');
  throw new FlowringError('FLOWRING_BAD_QOS', {
    message: `not a valid QoS specification; give all eight fields or one of: ${cubes}`,
  });
}

function checkName(name: unknown): void {
  if (isName(name)) return;
  throw invalid(`a name is 1 to ${LIMITS.nameMaxBytes} bytes of UTF-8 without control characters`);
}

function checkData(data: unknown): void {
  if (data === undefined) return;
  if (!(ArrayBuffer.isView(data) && data.byteLength <= LIMITS.piggybackMaxBytes)) {
    throw invalid(`data is a Uint8Array of at most ${LIMITS.piggybackMaxBytes} bytes`);
  }
}

function given(options: WaitOptions): { timeoutMs?: number; signal?: AbortSignal } {
  const { timeoutMs, signal } = options;
  return { ...(timeoutMs !== undefined && { timeoutMs }), ...(signal && { signal }) };
}

function invalid(message: string): FlowringError {
  return new FlowringError('FLOWRING_INVALID_ARGUMENT', { message });
}

import type { Channel, OpenChannelOptions } from '@flowring/channel';
import type { ControlMessage, PathParams } from '@flowring/common';
import { crc32 } from '@flowring/frcp';
import { FlowringError, LIMITS } from '@flowring/common';
import type { Application } from './application.ts';
import { createApplication } from './application.ts';
import type { RuntimeClock } from './clock.ts';
import { RealClock } from './clock.ts';
import type { ControlLink, ControlLinkOptions, Environment } from './environment.ts';
import { Runtime } from './runtime.ts';
import type { PathModel } from './testing/simulated-channel.ts';
import { SimulatedChannel } from './testing/simulated-channel.ts';
import type { TestMember } from './testing/test-irmd.ts';
import { managementUnsupported, TestIrmd } from './testing/test-irmd.ts';
import { drainReactions, VirtualClock } from './testing/virtual-clock.ts';

export interface TestLayerOptions {
  /** `virtual`: time moves only by `advance`. `real`: Node's. Default `real`. */
  readonly clock?: 'virtual' | 'real';
  /** One way, µs. Default 0. */
  readonly latencyUs?: number;
  /** Share of messages lost on raw flows, and of PDUs beneath reliable ones; 0 to 1. Default 0. */
  readonly loss?: number;
  /** Of the losses and of FRCP's first numbers. Equal seeds give equal runs. Default 1. */
  readonly seed?: number;
  /** Delta-t parameters and packet size of the path. */
  readonly params?: Partial<PathParams>;
}

/** A simulated process: the functions of `@flowring/libdev` as that process has them. */
export interface TestProcess extends Application {
  readonly program: string;
  readonly pid: number;
}

/** An in-process layer for unit tests: no daemon, no socket, no shared memory. */
export interface TestLayer {
  /** The functions of a first process, for tests that need no second. Flows to oneself work. */
  readonly flowAlloc: Application['flowAlloc'];
  readonly flowAccept: Application['flowAccept'];
  process(program?: string): TestProcess;
  /** The process ends as by `kill -9`: its peers read what it sent, then `FLOWRING_PEER_GONE`. */
  kill(process: TestProcess): void;
  /** Lets the IRMd restart: connections break and come back, flows go on, allocations pending then fail. */
  restartIrmd(): void;
  /** A name that exists though nobody accepts for it yet; accepting creates it too. */
  createName(name: string): void;
  /** Moves a virtual clock by so many ms, running all that is due on the way. */
  advance(ms: number): Promise<void>;
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
  /** Flow endpoints, allocations and acceptors that exist: all 0 when nothing leaked. */
  readonly counts: { readonly flows: number; readonly pendingAllocs: number; readonly acceptors: number };
}

const PARAMS: PathParams = { mplMs: 1_000, aMs: 50, rMs: 30_000, mtuBytes: LIMITS.sduMaxBytes };

/** Makes a layer of its own. Errors and behaviours are those of the real runtime, whose code it runs. */
export function createTestLayer(options: TestLayerOptions = {}): TestLayer {
  return new InProcessLayer(options);
}

class InProcessLayer implements TestLayer {
  readonly #clock: RuntimeClock;
  readonly #virtual: VirtualClock | null;
  readonly #path: PathModel;
  readonly #random: () => number;
  readonly #params: PathParams;
  readonly #lossy: boolean;
  #irmd: TestIrmd;
  readonly #names = new Set<string>();
  readonly #hosts = new Map<TestProcess, TestHost>();
  readonly #halfOpen = new Map<string, SimulatedChannel>();
  #life = 1;
  #nextPid = 101;
  #first: TestProcess | undefined;

  constructor({ clock = 'real', latencyUs = 0, loss = 0, seed = 1, params }: TestLayerOptions) {
    this.#virtual = clock === 'virtual' ? new VirtualClock() : null;
    this.#clock = this.#virtual ?? new UnheldClock();
    const random = (this.#random = randomFrom(seed));
    this.#lossy = loss > 0;
    this.#path = { clock: this.#clock, latencyUs, loses: () => loss > 0 && random() / 2 ** 32 < loss };
    this.#params = { ...PARAMS, ...params };
    this.#irmd = new TestIrmd(this.#clock, this.#params, !this.#lossy);
  }

  get flowAlloc(): Application['flowAlloc'] {
    return this.#firstProcess().flowAlloc;
  }

  get flowAccept(): Application['flowAccept'] {
    return this.#firstProcess().flowAccept;
  }

  get counts(): TestLayer['counts'] {
    const { flowCount, pendingCount, acceptorCount } = this.#irmd;
    return { flows: flowCount, pendingAllocs: pendingCount, acceptors: acceptorCount };
  }

  process(program = 'test'): TestProcess {
    const host = new TestHost(this, this.#nextPid++, program);
    const process = { ...createApplication(new Runtime(host)), program, pid: host.pid };
    this.#hosts.set(process, host);
    return process;
  }

  kill(process: TestProcess): void {
    const host = this.#hosts.get(process);
    if (host === undefined)
      throw new FlowringError('FLOWRING_INVALID_ARGUMENT', { message: 'not of this layer' });
    host.die();
  }

  restartIrmd(): void {
    this.#irmd = new TestIrmd(this.#clock, this.#params, !this.#lossy);
    this.#life++;
    for (const name of this.#names) this.#irmd.createName(name);
    for (const host of this.#hosts.values()) host.disconnect();
  }

  createName(name: string): void {
    this.#names.add(name);
    this.#irmd.createName(name);
  }

  advance(ms: number): Promise<void> {
    if (this.#virtual === null) {
      const message = 'only a virtual clock can be advanced';
      throw new FlowringError('FLOWRING_INVALID_ARGUMENT', { message });
    }
    return this.#virtual.advanceTo(this.#virtual.nowUs() + Math.round(ms * 1_000));
  }

  async settle(): Promise<void> {
    if (this.#virtual !== null) await this.advance(0);
    else for (let i = 0; i < 20; i++) await drainReactions();
  }

  get clock(): RuntimeClock {
    return this.#clock;
  }

  get lowerReliable(): boolean {
    return !this.#lossy;
  }

  get irmd(): TestIrmd {
    return this.#irmd;
  }

  randomU32(): number {
    return this.#random();
  }

  openChannel(options: OpenChannelOptions): SimulatedChannel {
    const key = `${this.#life}:${options.spec.id}`;
    const channel = new SimulatedChannel(this.#path, options);
    const other = this.#halfOpen.get(key);
    if (other === undefined) this.#halfOpen.set(key, channel);
    else {
      this.#halfOpen.delete(key);
      SimulatedChannel.join(other, channel);
    }
    return channel;
  }

  #firstProcess(): TestProcess {
    return (this.#first ??= this.process());
  }
}

/** Node's clock. What a test leaves waiting does not keep the test runner alive. */
class UnheldClock extends RealClock {
  override hold(): void {
    // The test runner decides how long the process lives.
  }
}

/** The world of one simulated process. */
class TestHost implements Environment, TestMember {
  readonly crc32 = crc32;
  readonly #layer: InProcessLayer;
  readonly pid: number;
  readonly program: string;
  readonly #channels = new Set<SimulatedChannel>();
  #connection: { irmd: TestIrmd; options: ControlLinkOptions } | null = null;
  #dead = false;
  #nextReq = 1;

  constructor(layer: InProcessLayer, pid: number, program: string) {
    this.#layer = layer;
    this.pid = pid;
    this.program = program;
  }

  get process(): number {
    return this.pid;
  }

  get clock(): RuntimeClock {
    return this.#layer.clock;
  }

  get lowerReliable(): boolean {
    return this.#layer.lowerReliable;
  }

  randomU32(): number {
    return this.#layer.randomU32();
  }

  openChannel(options: OpenChannelOptions): Channel {
    const channel = this.#layer.openChannel(options);
    this.#channels.add(channel);
    return channel;
  }

  connect(options: ControlLinkOptions): Promise<ControlLink> {
    const { irmd } = this.#layer;
    const connection = { irmd, options };
    this.#connection = connection;
    irmd.join(this);
    const isOpen = (): boolean => this.#connection === connection && !this.#dead;
    const send = (message: ControlMessage): boolean => {
      if (!isOpen()) return false;
      this.clock.afterInput(() => {
        if (isOpen()) irmd.handle(this, message);
      });
      return true;
    };
    return Promise.resolve({
      get isOpen() {
        return isOpen();
      },
      nextRequestId: () => this.#nextReq++,
      request: (request) => this.#manage(irmd, request),
      send,
      sendSoon: send,
      unref: () => undefined,
      close: () => {
        if (isOpen()) this.#leave();
        return Promise.resolve();
      },
    });
  }

  /** A message of the IRMd. */
  receive(message: ControlMessage): void {
    const connection = this.#connection;
    this.clock.afterInput(() => {
      if (connection !== null && this.#connection === connection) connection.options.onMessage(message);
    });
  }

  disconnect(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.options.onClose();
  }

  die(): void {
    this.#dead = true;
    for (const channel of this.#channels) channel.vanish();
    const connection = this.#connection;
    this.#connection = null;
    connection?.irmd.leave(this.pid);
  }

  #leave(): void {
    this.#connection!.irmd.leave(this.pid);
    this.disconnect();
  }

  #manage(irmd: TestIrmd, request: { t: string; name?: string }): Promise<unknown> {
    if (request.t !== 'bind-process' && request.t !== 'unbind-process') {
      return Promise.reject(managementUnsupported(request.t));
    }
    if (request.t === 'bind-process') irmd.createName(request.name!);
    return Promise.resolve(undefined);
  }
}

/** A 32-bit generator (xorshift32, Marsaglia 2003): equal seeds give equal runs. */
function randomFrom(seed: number): () => number {
  let state = (seed | 0) === 0 ? 0x9e37_79b9 : seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

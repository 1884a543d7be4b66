import { isFlowringError, type QosCubeName } from '@flowring/common';
import type { Flow, FlowAcceptor } from '../../../packages/libdev/src/index.ts';
import { createTestLayer, type TestLayer, type TestProcess } from '../../../packages/libdev/src/testing.ts';
import { demand, InputReader, type FuzzTarget } from '../engine/target.ts';

const UNIT_BYTES = 3;
const QOS: readonly QosCubeName[] = ['raw', 'bestEffort', 'data'];
const FLOWS_MAX = 8;
const STEPS_MS = [0, 1, 5, 50, 300, 2_000, 40_000];

/** What a program may do with the library, one operation after the other; promises settle whenever they do. */
class Programs {
  readonly #layer: TestLayer;
  readonly #reader: InputReader;
  readonly #client: TestProcess;
  readonly #server: TestProcess;
  readonly #flows: Flow[] = [];
  readonly #acceptors: FlowAcceptor[] = [];
  #unsettled = 0;
  #failure: Error | null = null;
  #serial = 0;
  readonly #lastRead = new Map<Flow, number>();

  constructor(reader: InputReader) {
    this.#reader = reader;
    const loss = [0, 0, 0.1, 0.4][reader.u8() % 4]!;
    this.#layer = createTestLayer({ clock: 'virtual', latencyUs: 300, seed: reader.u8() + 1, loss });
    reader.u8();
    this.#client = this.#layer.process('client');
    this.#server = this.#layer.process('server');
    this.#layer.createName('n');
  }

  async step(): Promise<void> {
    const op = this.#reader.u8();
    const [x, y] = [this.#reader.u8(), this.#reader.u8()];
    const process = (op & 1) === 0 ? this.#client : this.#server;
    const flow = this.#flows[x % Math.max(1, this.#flows.length)];
    switch ((op >> 1) % 12) {
      case 0:
        this.#alloc(process, x, y);
        break;
      case 1:
        this.#accept(process, x);
        break;
      case 2:
        if (flow !== undefined) this.#track(flow.write(this.#message((x & 7) * y * 8)));
        break;
      case 3:
        if (flow !== undefined) this.#track(this.#read(flow));
        break;
      case 4:
        await this.#layer.advance(STEPS_MS[x % STEPS_MS.length]!);
        break;
      case 5:
        if (flow !== undefined) this.#track(flow.dealloc({ lingerMs: y * 8 }));
        break;
      case 6:
        if ((y & 3) === 0) flow?.abort();
        break;
      case 7:
        this.#track(this.#acceptors[x % Math.max(1, this.#acceptors.length)]?.close());
        break;
      case 8:
        if ((x & 15) === 0) this.#layer.restartIrmd();
        break;
      case 9:
        if ((x & 15) === 0) this.#layer.kill(process);
        break;
      case 10:
        for (let n = y & 15; n > 0 && flow !== undefined; n--) this.#track(flow.write(this.#message(n * 99)));
        break;
      default:
        await this.#layer.settle();
    }
    this.#check();
  }

  async end(): Promise<void> {
    for (const acceptor of this.#acceptors) this.#track(acceptor.close());
    for (const flow of this.#flows) this.#track(flow.dealloc({ lingerMs: 50 }));
    await this.#layer.advance(200_000);
    for (const flow of this.#flows) this.#track(flow.dealloc({ lingerMs: 50 }));
    await this.#layer.advance(10_000);
    this.#check();
    demand(this.#unsettled === 0, 'a call never settles');
    const left = Object.entries(this.#layer.counts).filter(([, count]) => count !== 0);
    demand(left.length === 0, `leaks ${left.map(([what]) => what).join()}`);
  }

  #alloc(process: TestProcess, x: number, y: number): void {
    if (this.#flows.length >= FLOWS_MAX) return;
    const qos = QOS[x % QOS.length]!;
    const name = (x & 0xf0) === 0xf0 ? 'nobody' : 'n';
    this.#track(
      process.flowAlloc(name, { qos, timeoutMs: 1 + y * 16 }).then((flow) => this.#flows.push(flow)),
    );
  }

  #accept(process: TestProcess, x: number): void {
    if (this.#flows.length >= FLOWS_MAX) return;
    if ((x & 1) === 0) {
      const once = process.flowAccept.once({ name: 'n', timeoutMs: 1_000 });
      this.#track(once.then((flow) => this.#flows.push(flow)));
      return;
    }
    const acceptor = process.flowAccept({ name: 'n', backlogMax: 1 + (x & 6) });
    this.#acceptors.push(acceptor);
    this.#track(this.#serve(acceptor));
  }

  async #serve(acceptor: FlowAcceptor): Promise<void> {
    for await (const flow of acceptor) this.#flows.push(flow);
  }

  async #read(flow: Flow): Promise<void> {
    const message = await flow.read();
    if (message === null) return;
    const serial = message.readUInt32LE();
    demand(serial > (this.#lastRead.get(flow) ?? 0), 'a message out of order, or twice');
    this.#lastRead.set(flow, serial);
  }

  #message(bytes: number): Buffer {
    const message = Buffer.alloc(4 + bytes);
    message.writeUInt32LE(++this.#serial);
    return message;
  }

  /** Only errors of the table may come out. */
  #track(call: Promise<unknown> | undefined): void {
    if (call === undefined) return;
    this.#unsettled++;
    call.then(
      () => void this.#unsettled--,
      (error: unknown) => {
        this.#unsettled--;
        if (!isFlowringError(error)) this.#failure ??= error as Error;
      },
    );
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

export const target: FuzzTarget = {
  name: 'libdev-api',
  about:
    'the library over the testing layer: every call settles, with an error of the table if any; nothing leaks',
  maxBytes: 48 * UNIT_BYTES,
  unitBytes: UNIT_BYTES,
  seeds: [
    Uint8Array.from([
      ...[0, 1, 0],
      ...[3, 1, 0],
      ...[0, 2, 50],
      ...[8, 2, 0],
      ...[4, 0, 9],
      ...[6, 1, 0],
      ...[8, 3, 0],
      ...[20, 0, 5],
      ...[6, 1, 0],
      ...[8, 3, 0],
      ...[10, 0, 2],
      ...[8, 4, 0],
      ...[14, 0, 0],
    ]),
  ],
  async run(input) {
    const reader = new InputReader(input);
    const programs = new Programs(reader);
    while (!reader.isAtEnd) await programs.step();
    await programs.end();
  },
};

import type { ControlMessage } from '@flowring/common';
import { errnoOf } from '@flowring/common';
import type { FaInput, FaOutput, FlowBinding } from '../../../packages/ipcpd/src/core/fa-messages.ts';
import { FlowAllocator } from '../../../packages/ipcpd/src/core/flow-allocator.ts';
import { Action } from '../event-queue.ts';
import type { Resident, SimProcess } from '../sim-process.ts';
import { violated } from '../violation.ts';
import type { SimHost } from './host.ts';

/** The layer of the simulation, and its IPCP's name. */
export const LAYER = 'net';
const SECOND = 1_000_000;
/** How long a deallocated flow waits for its program's end. */
const END_WAIT_US = 5 * SECOND;
const EID_BYTES = 4;
const KIND_FA = 0;
const KIND_DATA = 1;
const PEER_GONE = errnoOf('FLOWRING_PEER_GONE');

interface AppFlow {
  readonly flow: number;
  readonly channel: number;
  binding: FlowBinding | null;
  appEnded: boolean;
}

/** The IPCP of one host: the flow allocator's core with a driver, on a layer that loses packets. */
export class SimIpcp implements Resident {
  readonly host: SimHost;
  readonly process: SimProcess;
  readonly allocator: FlowAllocator;
  id = 0;
  readonly #flows = new Map<number, AppFlow>();
  /** When each EID may be used again at the earliest, true time. */
  readonly #eids = new Map<number, number>();
  readonly #quarantineUs: number;
  #timerAtUs = Infinity;

  constructor(host: SimHost, process: SimProcess) {
    this.host = host;
    this.process = process;
    const { knobs } = host.world;
    this.#quarantineUs = 3 * (knobs.mplUs + knobs.aUs + knobs.rUs);
    this.allocator = new FlowAllocator({
      traits: {
        lossless: false,
        mplUs: knobs.mplUs,
        quarantineUs: this.#quarantineUs,
        rtoInitialUs: knobs.rtoInitialUs,
      },
      paramsOf: () => ({
        mplMs: Math.ceil(knobs.mplUs / 1_000),
        aMs: knobs.aUs / 1_000,
        rMs: knobs.rUs / 1_000,
        mtuBytes: knobs.mtuBytes,
      }),
      random: host.world.dice.fork().u32,
    });
    process.residents.push(this);
  }

  // From the IRMd.

  handle(message: ControlMessage): void {
    switch (message.t) {
      case 'ipcp-bootstrap':
      case 'ipcp-register':
      case 'ipcp-unregister':
        if (message.t === 'ipcp-register') this.host.world.directory.set(message.name, this.host.name);
        return this.#tell({ t: 'ok', req: message.req });
      case 'ipcp-query':
        return this.#tell({ t: 'ok', req: message.req, value: this.host.world.directory.has(message.name) });
      case 'ipcp-alloc':
        return this.#alloc(message);
      case 'ipcp-accept':
        this.#enter(message.flow, message.channel, message.open);
        return this.input({
          t: 'accept',
          incoming: message.incoming,
          flow: message.flow,
          data: message.data,
        });
      case 'ipcp-refuse':
        return this.input({ t: 'refuse', incoming: message.incoming, code: message.code });
      case 'ipcp-dealloc':
        return this.#dealloc(message.flow);
      case 'peer-gone':
        for (const app of [...this.#flows.values()])
          if (app.channel === message.channel) this.appEnded(app.flow, PEER_GONE);
        return;
      default:
        return;
    }
  }

  #alloc({ flow, name, qos, timeoutMs, data, channel, open }: ControlMessage<'ipcp-alloc'>): void {
    this.#enter(flow, channel, open);
    const peer = this.host.world.directory.get(name);
    if (peer !== undefined) return this.input({ t: 'request', flow, peer, name, qos, timeoutMs, data });
    this.#flows.delete(flow);
    this.#tell({ t: 'ipcp-refused', flow, code: 'FLOWRING_NAME_UNKNOWN' });
  }

  #enter(flow: number, channel: number, open: unknown): void {
    this.#flows.set(flow, { flow, channel, binding: null, appEnded: false });
    if (open !== undefined) this.#tell({ t: 'channel-up', channel });
  }

  #dealloc(flow: number): void {
    const app = this.#flows.get(flow);
    if (app === undefined || app.appEnded) return this.input({ t: 'release', flow });
    const { world } = this.host;
    const release = (): void => {
      if (this.#flows.has(flow)) this.input({ t: 'release', flow });
    };
    world.queue.add(
      world.nowUs + END_WAIT_US,
      new Action(() => this.process.whenAwake(world.nowUs, release)),
    );
    app.appEnded = true;
  }

  #tell(message: object): void {
    this.host.tell(this.id, message as ControlMessage);
  }

  // From the program, over the channel.

  /** Its end record: it wrote nothing more. */
  appEnded(flow: number, errno: number): void {
    this.process.whenAwake(this.host.world.nowUs, () => {
      const app = this.#flows.get(flow);
      if (app === undefined) return;
      this.input({ t: 'local-end', flow, errno });
      if (app.appEnded) this.input({ t: 'release', flow });
      app.appEnded = true;
    });
  }

  /** A packet of a flow of ours, for the peer. */
  fromProgram(flow: number, pdu: Uint8Array): void {
    const app = this.#flows.get(flow);
    if (app === undefined || app.binding === null || this.process.isStalled(this.host.world.nowUs)) return;
    const packet = new Uint8Array(1 + EID_BYTES + pdu.length);
    packet[0] = KIND_DATA;
    new DataView(packet.buffer).setUint32(1, app.binding.rEid);
    packet.set(pdu, 1 + EID_BYTES);
    this.host.world.carry(this.host.name, app.binding.peer, packet);
  }

  // From the network; the first byte tells what it is, then comes who sent it.

  take(packet: Uint8Array): void {
    const from = `h${packet[0]!}`;
    const kind = packet[1]!;
    const body = packet.subarray(2);
    if (kind === KIND_FA) return this.input({ t: 'pdu', peer: from, pdu: body.slice() });
    const sEid = new DataView(body.buffer, body.byteOffset).getUint32(0);
    const flow = this.allocator.noteData(sEid, this.host.now());
    if (flow !== 0) this.host.world.toProgram(this.host, flow, body.slice(EID_BYTES));
    this.#arm();
  }

  onAwake(): void {}

  runTimers(): void {
    this.#timerAtUs = Infinity;
    this.#carryOut(this.allocator.handleTimeout(this.host.now()));
  }

  // The allocator.

  input(input: FaInput): void {
    this.#carryOut(this.allocator.handle(input, this.host.now()));
  }

  #carryOut(outputs: readonly FaOutput[]): void {
    for (const output of outputs) this.#perform(output);
    this.#arm();
  }

  #perform(output: FaOutput): void {
    const { world } = this.host;
    if (output.t === 'send') {
      const packet = new Uint8Array(1 + output.pdu.length);
      packet[0] = KIND_FA;
      packet.set(output.pdu, 1);
      world.carry(this.host.name, output.peer, packet);
    } else if (output.t === 'irmd') this.#tell(output.message);
    else if (output.t === 'bind') this.#bind(output);
    else if (output.t === 'ended') world.lowerEnded(this.host, output.flow, output.errno);
    else this.#unbind(output.flow);
  }

  /** I30: an EID rests between two flows. */
  #bind(binding: FlowBinding): void {
    const { nowUs } = this.host.world;
    if (nowUs < (this.#eids.get(binding.sEid) ?? 0))
      violated('I30', `${this.host.name} uses EID ${binding.sEid} again at ${nowUs}`);
    this.#eids.set(binding.sEid, Infinity);
    const app = this.#flows.get(binding.flow);
    if (app === undefined) return;
    if (app.binding !== null) violated('I29', `${this.host.name} binds flow ${binding.flow} twice`);
    app.binding = binding;
  }

  #unbind(flow: number): void {
    const app = this.#flows.get(flow);
    this.#flows.delete(flow);
    if (app === undefined || app.binding === null) return;
    // Clocks may differ by 2 %, and the quarantine is the allocator's own time.
    this.#eids.set(app.binding.sEid, this.host.world.nowUs + Math.floor(this.#quarantineUs * 0.95));
  }

  get flowCount(): number {
    return this.#flows.size;
  }

  #arm(): void {
    const at = this.allocator.nextTimeout();
    if (at === null) return;
    const { world } = this.host;
    const atUs = Math.max(world.nowUs, this.host.clock.trueTimeOf(at));
    if (atUs >= this.#timerAtUs) return;
    this.#timerAtUs = atUs;
    const due = (): void => {
      if (this.#timerAtUs === atUs && this.process.isAlive && !this.process.isStalled(world.nowUs))
        this.runTimers();
    };
    world.queue.addTimer(atUs, new Action(due));
  }
}

import { decodeControl, encodeControl, LIMITS, qosCubes } from '@flowring/common';
import type { FaInput, FaOutput } from '../../../packages/ipcpd/src/core/fa-messages.ts';
import { decodeFaPdu } from '../../../packages/ipcpd/src/core/fa-pdu.ts';
import { FlowAllocator } from '../../../packages/ipcpd/src/core/flow-allocator.ts';
import { demand, InputReader, type FuzzTarget } from '../engine/target.ts';
import { FA_PDUS } from './fa-pdu.ts';

const SECOND = 1_000_000;
const UNIT_BYTES = 4;
const QUARANTINE_US = 100 * SECOND;
const STEPS_US = [0, 1_000, 30_000, 200_000, SECOND, 4 * SECOND, 20 * SECOND, 120 * SECOND];
const TIMEOUTS_MAX = 50_000;
const WIRE_MAX = 2_000;

interface UnderWay {
  readonly from: string;
  readonly to: Ipcp;
  readonly pdu: Uint8Array;
}

/** An IPCP and what its IRMd knows. */
class Ipcp {
  readonly name: string;
  readonly allocator: FlowAllocator;
  /** Answers to each flow requested here: exactly one comes, unless it is released before. */
  readonly answers = new Map<number, number>();
  readonly incoming: number[] = [];
  readonly open = new Set<number>();
  readonly bound = new Set<number>();
  readonly ended = new Set<number>();

  constructor(name: string, seed: number) {
    this.name = name;
    let state = seed;
    this.allocator = new FlowAllocator({
      traits: { lossless: false, mplUs: SECOND, quarantineUs: QUARANTINE_US, rtoInitialUs: 100_000 },
      paramsOf: () => ({ mplMs: 1_000, aMs: 50, rMs: 30_000, mtuBytes: 1_400 }),
      random: () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return (state ^ (state >>> 15)) >>> 0;
      },
    });
  }
}

class AllocatorWorld {
  readonly #reader: InputReader;
  readonly #ipcps: readonly [Ipcp, Ipcp];
  #wire: UnderWay[] = [];
  #now = 0;
  #lastFlow = 0;

  constructor(reader: InputReader) {
    this.#reader = reader;
    this.#ipcps = [new Ipcp('a', 1), new Ipcp('b', 2)];
  }

  step(): void {
    const unit = new InputReader(this.#reader.take(UNIT_BYTES));
    const op = unit.u8();
    const ipcp = this.#ipcps[op & 1]!;
    switch ((op >> 1) % 10) {
      case 0:
        return this.#request(ipcp, unit);
      case 1:
        return this.#accept(ipcp, unit);
      case 2:
        return this.#in(ipcp, {
          t: 'refuse',
          incoming: at(ipcp.incoming, unit.u8()) ?? unit.u8(),
          code: 'FLOWRING_REFUSED',
        });
      case 3:
        return this.#in(ipcp, {
          t: 'local-end',
          flow: at([...ipcp.open], unit.u8()) ?? 99,
          errno: unit.u8(),
        });
      case 4:
        return this.#release(ipcp, at([...ipcp.open], unit.u8()) ?? 99);
      case 5:
        return this.#pass(STEPS_US[unit.below(STEPS_US.length)]!, unit.u8());
      case 6:
        return this.#deliver(unit.u8(), unit.u8());
      case 7:
        return this.#inject(ipcp, unit);
      case 8:
        ipcp.allocator.noteData(unit.u8(), this.#now);
        return;
      default:
        // All stand still: packets wait, timers are late.
        this.#now += STEPS_US[unit.below(STEPS_US.length)]!;
    }
  }

  /** Everything is released and time passes: no table keeps anything. */
  end(): void {
    this.#deliverAll(0);
    for (const ipcp of this.#ipcps) for (const flow of [...ipcp.open]) this.#release(ipcp, flow);
    this.#pass(LIMITS.requestHoldMaxMs * 1_000 + 300 * SECOND, 0);
    for (const { allocator } of this.#ipcps) {
      const left = Object.entries(allocator.inspect()).filter(([, count]) => count !== 0);
      demand(left.length === 0, `entries left in ${left.map(([table]) => table).join()}`);
    }
  }

  #request(ipcp: Ipcp, unit: InputReader): void {
    const flow = ++this.#lastFlow;
    const timeout = unit.pick([0, 100, 3_000, 120_000]);
    ipcp.answers.set(flow, 0);
    ipcp.open.add(flow);
    this.#in(ipcp, {
      t: 'request',
      flow,
      peer: unit.pick(['a', 'b', 'c']),
      name: 'echo',
      qos: { ...qosCubes.raw, timeout },
      timeoutMs: [0, 50, 2_000, 10_000][timeout & 3] ?? 1_000,
    });
  }

  #accept(ipcp: Ipcp, unit: InputReader): void {
    const incoming = at(ipcp.incoming, unit.u8());
    if (incoming === undefined) return;
    ipcp.incoming.splice(ipcp.incoming.indexOf(incoming), 1);
    const flow = ++this.#lastFlow;
    ipcp.open.add(flow);
    this.#in(ipcp, { t: 'accept', incoming, flow });
  }

  #release(ipcp: Ipcp, flow: number): void {
    ipcp.open.delete(flow);
    this.#in(ipcp, { t: 'release', flow });
    demand(ipcp.allocator.eidOf(flow) === 0, 'a released flow has an EID');
  }

  /** PDUs of nobody, or changed ones of the peer's. */
  #inject(ipcp: Ipcp, unit: InputReader): void {
    const which = unit.u8();
    const from = unit.pick(['a', 'b', 'c']);
    const place = unit.u8();
    const model = which < 128 ? at(FA_PDUS, which) : at(this.#wire, which)?.pdu;
    if (model === undefined) return;
    const pdu = model.slice();
    pdu.set(
      this.#reader.take(UNIT_BYTES).subarray(0, Math.max(0, pdu.length - place)),
      Math.min(place, pdu.length),
    );
    this.#in(ipcp, { t: 'pdu', peer: from, pdu });
  }

  #deliver(which: number, what: number): void {
    const one = at(this.#wire, which);
    if (one === undefined) return;
    if ((what & 3) !== 3) this.#wire.splice(this.#wire.indexOf(one), 1);
    if ((what & 3) !== 2) this.#in(one.to, { t: 'pdu', peer: one.from, pdu: one.pdu });
  }

  #deliverAll(losses: number): void {
    const wire = this.#wire;
    this.#wire = [];
    wire.forEach(({ from, to, pdu }, i) => {
      if (((losses >> (i & 7)) & 1) === 0) this.#in(to, { t: 'pdu', peer: from, pdu });
    });
  }

  #pass(forUs: number, losses: number): void {
    const until = this.#now + forUs;
    for (let n = 0; ; n++) {
      this.#deliverAll(losses);
      const next = Math.min(...this.#ipcps.map(({ allocator }) => allocator.nextTimeout() ?? Infinity));
      if (this.#wire.length === 0 && next > until) break;
      demand(n < TIMEOUTS_MAX, 'timers fire without end');
      this.#now = Math.max(this.#now, Math.min(next, this.#wire.length > 0 ? this.#now + 10_000 : Infinity));
      this.#deliverAll(losses);
      for (const ipcp of this.#ipcps) this.#out(ipcp, ipcp.allocator.handleTimeout(this.#now));
    }
    this.#now = Math.max(this.#now, until);
  }

  #in(ipcp: Ipcp, input: FaInput): void {
    this.#out(ipcp, ipcp.allocator.handle(input, this.#now));
  }

  #out(ipcp: Ipcp, outputs: readonly FaOutput[]): void {
    for (const output of outputs) {
      if (output.t === 'send') {
        demand(decodeFaPdu(output.pdu) !== null, 'sends what is no PDU');
        const to = this.#ipcps.find(({ name }) => name === output.peer);
        if (to !== undefined && this.#wire.length < WIRE_MAX)
          this.#wire.push({ from: ipcp.name, to, pdu: output.pdu });
      } else if (output.t === 'irmd') this.#told(ipcp, output);
      else if (output.t === 'bind') ipcp.bound.add(output.flow);
      else if (output.t === 'unbind') ipcp.bound.delete(output.flow);
      else {
        demand(!ipcp.ended.has(output.flow), 'a flow ends twice');
        ipcp.ended.add(output.flow);
      }
    }
  }

  #told(ipcp: Ipcp, { message }: Extract<FaOutput, { t: 'irmd' }>): void {
    demand(decodeControl(encodeControl(message)) !== null, `no control message: ${message.t}`);
    if (message.t === 'ipcp-incoming') ipcp.incoming.push(message.incoming);
    if (message.t !== 'ipcp-allocated' && message.t !== 'ipcp-refused') return;
    const answers = ipcp.answers.get(message.flow);
    demand(answers === 0, 'a request is answered twice, or was never made');
    ipcp.answers.set(message.flow, 1);
    if (message.t === 'ipcp-refused') ipcp.open.delete(message.flow);
  }
}

function at<T>(list: readonly T[], index: number): T | undefined {
  return list.length === 0 ? undefined : list[index % list.length];
}

export const target: FuzzTarget = {
  name: 'flow-allocator',
  about:
    'two flow allocators, a lossy path and forged PDUs: one answer a request, and nothing is left at the end',
  maxBytes: 64 * UNIT_BYTES,
  unitBytes: UNIT_BYTES,
  seeds: [
    Uint8Array.from([
      ...[0, 2, 1, 0],
      ...[12, 0, 0, 0],
      ...[3, 0, 0, 0],
      ...[13, 0, 0, 0],
      ...[10, 5, 0, 0],
      ...[14, 4, 1, 8],
      ...[1, 2, 3, 4],
      ...[6, 0, 0, 0],
      ...[10, 6, 9, 0],
      ...[18, 5, 0, 0],
      ...[8, 0, 0, 0],
    ]),
  ],
  run(input) {
    const reader = new InputReader(input);
    const world = new AllocatorWorld(reader);
    while (!reader.isAtEnd) world.step();
    world.end();
  },
};

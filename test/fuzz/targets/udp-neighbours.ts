import { crc32 } from '../../../packages/frcp/src/crc32.ts';
import type { NeighbourOutput } from '../../../packages/ipcpd/src/core/udp/neighbour.ts';
import { Neighbours } from '../../../packages/ipcpd/src/core/udp/neighbours.ts';
import {
  CHECK_BYTES,
  CONTROL_OVERHEAD_BYTES,
  FLAG,
  KIND,
  PACKET_MAX_BYTES,
  packetLength,
  seal,
  writeHeader,
} from '../../../packages/ipcpd/src/core/udp/packet.ts';
import { demand, InputReader, type FuzzTarget } from '../engine/target.ts';

interface Address {
  readonly name: string;
}

interface Packet {
  readonly from: Address;
  readonly to: Address;
  readonly bytes: Uint8Array;
}

const UNIT_BYTES = 24;
const STEPS_US = [1_000, 50_000, 300_000, 1_500_000, 130_000_000, 700_000_000];
const ADDRESSES: readonly Address[] = ['a', 'b', 'c'].map((name) => ({ name }));
const PACKETS_KEPT = 64;

/** A hash that a test may foresee: who has not seen a tag must not rely on that. */
function mac(key: Uint8Array, text: string): string {
  const bytes = new TextEncoder().encode(`${String.fromCharCode(...key)}${text}`);
  const hash = crc32(bytes, 0, bytes.length);
  return String.fromCharCode(...[0, 8, 16, 24, 4, 12, 20, 28].map((shift) => (hash >>> shift) & 0xff));
}

class NeighbourWorld {
  #nowUs = 0;
  #packets: Packet[] = [];
  readonly #cores: readonly Neighbours<Address>[];
  /** Bytes that strangers sent to the first core, and got from it. */
  readonly #fromStranger = new Map<Address, number>();
  readonly #toStranger = new Map<Address, number>();

  constructor() {
    let state = 1;
    this.#cores = [0, 1].map(
      () =>
        new Neighbours<Address>(
          {
            resolve: (name) => ADDRESSES.find((address) => address.name === name) ?? null,
            format: (address) => address.name,
            mtuMaxOf: () => 1_472,
            random: () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0),
            mac,
            crc32,
          },
          0,
        ),
    );
  }

  step(unit: InputReader): void {
    const op = unit.u8();
    const which = op & 1;
    const core = this.#cores[which]!;
    switch ((op >> 1) % 6) {
      case 0:
        return this.#take(
          which,
          core.send(ADDRESSES[unit.below(3)]!.name, KIND.fa, unit.take(4), this.#nowUs),
        );
      case 1:
        return this.#pass(STEPS_US[unit.below(STEPS_US.length)]!);
      case 2:
        return this.#deliver(unit.u8(), unit.u8());
      case 3:
        return this.#inject(which, unit);
      case 4:
        return this.#take(which, core.contact(ADDRESSES[unit.below(3)]!.name, this.#nowUs));
      default: {
        const neighbour = core.get(ADDRESSES[unit.below(3)]!.name);
        if (neighbour === undefined) return;
        this.#take(which, core.strayed(neighbour, ADDRESSES[2]!, unit.u8(), this.#nowUs));
      }
    }
  }

  /** Nobody speaks any more: everybody is forgotten. */
  end(): void {
    for (let i = 0; i < 4; i += 1) this.#pass(700_000_000);
    for (const core of this.#cores) {
      demand(core.size === 0, 'a neighbour is left');
      demand(core.nextTimeout() === null, 'a timer is left');
    }
  }

  /** A packet that was sent goes where it was meant for, or from an address that changed, or again. */
  #deliver(at: number, how: number): void {
    const packet = this.#packets[at % Math.max(1, this.#packets.length)];
    if (packet === undefined) return;
    if ((how & 1) === 0) this.#packets.splice(this.#packets.indexOf(packet), 1);
    const from = (how & 2) === 0 ? packet.from : ADDRESSES[2]!;
    this.#receive(packet.to === ADDRESSES[1] ? 1 : 0, packet.bytes, from);
  }

  #inject(which: number, unit: InputReader): void {
    const from = ADDRESSES[unit.below(3)]!;
    const kind = unit.u8() % 12;
    const body = unit.take(20);
    const length = CONTROL_OVERHEAD_BYTES + (body.length - 16);
    const bytes = new Uint8Array(length);
    writeHeader(bytes, 0, kind, FLAG.checked, length, unit.u8());
    bytes.set(body, 8);
    seal(bytes, 0, length - CHECK_BYTES, crc32);
    this.#receive(which, bytes, from);
  }

  #receive(which: number, bytes: Uint8Array, from: Address): void {
    const length = packetLength(bytes, 0, bytes.length);
    if (length === 0) return;
    const core = this.#cores[which]!;
    const isStranger = which === 0 && ![...core.all()].some((one) => one.address === from);
    if (isStranger) this.#fromStranger.set(from, (this.#fromStranger.get(from) ?? 0) + bytes.length);
    this.#take(which, core.receive(bytes, 0, length, from, this.#nowUs), isStranger ? from : null);
  }

  #take(which: number, outputs: readonly NeighbourOutput<Address>[], stranger: Address | null = null): void {
    for (const output of outputs) {
      if (output.t !== 'send') continue;
      const { packet, to } = output;
      demand(packet.length <= PACKET_MAX_BYTES, 'a packet over the largest');
      demand(packetLength(packet, 0, packet.length) === packet.length, 'not a packet of ours');
      if (to === stranger && ![...this.#cores[0]!.all()].some((one) => one.address === to)) {
        this.#toStranger.set(to, (this.#toStranger.get(to) ?? 0) + packet.length);
        const sent = this.#fromStranger.get(to) ?? 0;
        demand(this.#toStranger.get(to)! <= 3 * sent, 'more than thrice what a stranger sent');
      }
      this.#packets.push({ from: ADDRESSES[which]!, to, bytes: packet });
      if (this.#packets.length > PACKETS_KEPT) this.#packets.shift();
    }
  }

  #pass(us: number): void {
    const endUs = this.#nowUs + us;
    for (let turns = 0; ; turns += 1) {
      demand(turns < 50_000, 'time stands still');
      const due = this.#cores.map((core) => core.nextTimeout() ?? Infinity);
      const atUs = Math.min(...due);
      if (atUs > endUs) break;
      this.#nowUs = Math.max(this.#nowUs, atUs);
      this.#cores.forEach((core, which) => this.#take(which, core.handleTimeout(this.#nowUs)));
    }
    this.#nowUs = endUs;
  }
}

export const target: FuzzTarget = {
  name: 'udp-neighbours',
  about:
    'two tables of neighbours, losses, copies, changed addresses and forged packets: nothing is amplified or left',
  maxBytes: UNIT_BYTES * 40,
  unitBytes: UNIT_BYTES,
  seeds: [
    units([0, 1], [4, 0], [5, 0], [4, 0], [2, 1], [4, 0], [4, 0]),
    units([8, 1], [4, 0, 1], [5, 0, 1], [4, 0, 3], [10, 1, 40], [4, 0, 2]),
    units([6, 2, 4, 1, 2, 3], [6, 2, 2, 1, 2, 3], [2, 5]),
  ],
  run(input) {
    const world = new NeighbourWorld();
    const reader = new InputReader(input);
    for (let steps = 0; !reader.isAtEnd && steps < 40; steps += 1) {
      world.step(new InputReader(reader.take(UNIT_BYTES)));
    }
    world.end();
  },
};

function units(...each: readonly (readonly number[])[]): Uint8Array {
  const bytes = new Uint8Array(UNIT_BYTES * each.length);
  each.forEach((unit, at) => bytes.set(unit, UNIT_BYTES * at));
  return bytes;
}

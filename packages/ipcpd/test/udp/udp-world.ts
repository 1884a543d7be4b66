import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { NeighbourOutput } from '../../src/core/udp/neighbour.ts';
import { Neighbours } from '../../src/core/udp/neighbours.ts';
import { KIND, kindOf } from '../../src/core/udp/packet.ts';

/** An address of the test network; one object each, as the socket has them. */
export interface TestAddress {
  readonly name: string;
}

/** One packet under way. */
export interface Packet {
  readonly from: TestAddress;
  readonly to: TestAddress;
  readonly bytes: Uint8Array;
}

export const SECOND = 1_000_000;
const DELAY_US = 5_000;

/** One IPCP's table of neighbours, at an address that may change. */
export class TestIpcp {
  readonly world: UdpWorld;
  address: TestAddress;
  core: Neighbours<TestAddress>;
  readonly pdus: { readonly peer: string; readonly text: string }[] = [];
  /** Called with each PDU. */
  onPdu: (peer: string, pdu: Uint8Array) => void = () => undefined;

  constructor(world: UdpWorld, name: string) {
    this.world = world;
    this.address = world.at(name);
    this.core = this.#newCore();
    world.ipcps.push(this);
  }

  restart(): void {
    this.core = this.#newCore();
  }

  send(peer: string, text: string): void {
    this.sendPdu(peer, Buffer.from(text));
  }

  sendPdu(peer: string, pdu: Uint8Array): void {
    this.take(this.core.send(peer, KIND.fa, pdu, this.world.nowUs));
  }

  receive(packet: Packet): void {
    const { bytes, from } = packet;
    this.take(this.core.receive(bytes, 0, bytes.length, from, this.world.nowUs));
  }

  take(outputs: readonly NeighbourOutput<TestAddress>[]): void {
    for (const output of outputs) {
      if (output.t === 'send') {
        this.world.put({ from: this.address, to: output.to, bytes: output.packet });
      } else if (output.t === 'pdu') {
        this.pdus.push({ peer: output.peer, text: Buffer.from(output.pdu).toString() });
        this.onPdu(output.peer, output.pdu);
      }
    }
  }

  get texts(): string[] {
    return this.pdus.map((pdu) => pdu.text);
  }

  #newCore(): Neighbours<TestAddress> {
    return new Neighbours<TestAddress>(
      {
        resolve: (name) => this.world.at(name),
        format: (address) => address.name,
        mtuMaxOf: () => 1_472,
        random: () => Math.floor(this.world.random() * 2 ** 32),
        mac: (key, text) => createHmac('sha256', key).update(text).digest('binary').slice(0, 8),
        crc32: (bytes, start, end) => crc32(bytes.subarray(start, end)),
      },
      this.world.nowUs,
    );
  }
}

/** Some IPCPs and a network that loses, copies and reorders as the test wants. */
export class UdpWorld {
  readonly ipcps: TestIpcp[] = [];
  /** All packets that were sent, lost ones too. */
  readonly sent: Packet[] = [];
  nowUs = 0;
  loss = 0;
  copies = 0;
  jitterUs = 0;
  /** Whether a packet gets through. */
  passes: (packet: Packet) => boolean = () => true;
  readonly #addresses = new Map<string, TestAddress>();
  #wire: { readonly atUs: number; readonly packet: Packet }[] = [];
  #state: number;

  constructor(seed = 1) {
    this.#state = seed;
  }

  random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return ((this.#state ^ (this.#state >>> 15)) >>> 0) / 2 ** 32;
  }

  at(name: string): TestAddress {
    let address = this.#addresses.get(name);
    if (address === undefined) this.#addresses.set(name, (address = { name }));
    return address;
  }

  put(packet: Packet): void {
    this.sent.push(packet);
    if (!this.passes(packet)) return;
    const copies = this.random() < this.copies ? 2 : 1;
    for (let i = 0; i < copies; i += 1) {
      if (this.random() < this.loss) continue;
      this.#wire.push({ atUs: this.nowUs + DELAY_US + Math.floor(this.random() * this.jitterUs), packet });
    }
  }

  /** Lets time pass: packets before timers. `others`: further timers. */
  run(seconds: number, others: readonly { next(): number | null; due(): void }[] = []): void {
    const endUs = this.nowUs + Math.round(seconds * SECOND);
    for (;;) {
      const timers = [
        ...this.ipcps.map((ipcp) => ipcp.core.nextTimeout()),
        ...others.map((one) => one.next()),
      ];
      const atUs = Math.min(
        ...this.#wire.map((one) => one.atUs),
        ...timers.map((at) => at ?? Infinity),
        Infinity,
      );
      if (atUs > endUs) break;
      this.nowUs = Math.max(this.nowUs, atUs);
      const due = this.#wire.filter((one) => one.atUs <= this.nowUs);
      this.#wire = this.#wire.filter((one) => one.atUs > this.nowUs);
      for (const { packet } of due) this.#arrive(packet);
      for (const ipcp of this.ipcps) ipcp.take(ipcp.core.handleTimeout(this.nowUs));
      for (const one of others) one.due();
    }
    this.nowUs = endUs;
  }

  #arrive(packet: Packet): void {
    for (const ipcp of this.ipcps) if (ipcp.address === packet.to) ipcp.receive(packet);
  }
}

export function isKind(kind: number): (packet: Packet) => boolean {
  return ({ bytes }) => kindOf(bytes, 0) === kind;
}

import { FrcpConnection } from '../../../packages/frcp/src/connection.ts';
import { O7S_WIRE } from '../../../packages/frcp/src/o7s/wire.ts';
import { resolveParams } from '../../../packages/frcp/src/params.ts';
import { newPci, type Pci } from '../../../packages/frcp/src/pci.ts';
import { bytesEqual, demand, InputReader, type FuzzTarget } from '../engine/target.ts';

const GUARD_BYTES = 16;
const HEADER_BYTES = 12;
const PACKET_MAX_BYTES = 40;
const OUR_NUMBER = 0xffff_fff8;
const STEPS_US = [0, 1_000, 20_000, 300_000, 5_000_000, 150_000_000];
/** A peer may have as many packets read and acknowledged as it sent; each takes a few timers at most. */
const OUTPUTS_PER_STEP = 400;
const FLAGS = { DATA: 1, DRF: 2, ACK: 4, FC: 8, RDVS: 16 };

function decodeBetween(input: Uint8Array, guard: number): Pci | null {
  const buf = new Uint8Array(input.length + 2 * GUARD_BYTES).fill(guard);
  buf.set(input, GUARD_BYTES);
  const pci = newPci();
  return O7S_WIRE.decode(buf, GUARD_BYTES, GUARD_BYTES + input.length, pci, null) ? pci : null;
}

function checkDecoder(packet: Uint8Array): void {
  const zeros = decodeBetween(packet, 0);
  const ones = decodeBetween(packet, 0xff);
  demand((zeros === null) === (ones === null), 'the verdict depends on what is outside the packet');
  if (zeros === null || ones === null) return;
  demand(packet.length >= HEADER_BYTES, 'a header in a packet shorter than one');
  demand(JSON.stringify(zeros) === JSON.stringify(ones), 'a field was read outside the packet');
  const out = new Uint8Array(HEADER_BYTES);
  demand(O7S_WIRE.encode(out, 0, zeros) === HEADER_BYTES, 'a header of another size');
  const again = decodeBetween(out, 0);
  demand(again === null || again.seq === zeros.seq, 'another number of the same packet');
}

/** One connection of ours, its program, and a peer that sends whatever the input says. */
class Hostile {
  readonly #conn = new FrcpConnection(resolveParams({ wire: O7S_WIRE, randomU32: () => OUR_NUMBER }), 0);
  readonly #out = new Uint8Array(9_000);
  #nowUs = 0;
  #taken = 0;

  step(reader: InputReader): void {
    const op = reader.u8();
    if (op < 0xa0) this.#receive(reader.take(op % (PACKET_MAX_BYTES + 1)));
    else if (op < 0xc0) this.#conn.write(this.#nowUs, reader.take(reader.below(32)));
    else if (op < 0xd0) this.#read();
    else if (op < 0xf0) this.#pass(STEPS_US[op % STEPS_US.length]!);
    else this.#conn.close(this.#nowUs);
    this.#poll();
  }

  #receive(packet: Uint8Array): void {
    checkDecoder(packet);
    this.#taken += 1;
    this.#conn.handlePdu(this.#nowUs, packet, 0, packet.length);
  }

  #read(): void {
    for (let sdu = this.#conn.read(); sdu !== null; sdu = this.#conn.read()) {
      this.#taken -= 1;
      demand(this.#taken >= 0, 'more messages than packets came');
      demand(sdu.length <= PACKET_MAX_BYTES - HEADER_BYTES, 'a message larger than its packet');
    }
  }

  #pass(us: number): void {
    const endUs = this.#nowUs + us;
    for (let turns = 0; ; turns += 1) {
      demand(turns < 4 * OUTPUTS_PER_STEP, 'time stands still');
      const at = this.#conn.nextTimeout();
      if (at === null || at > endUs) break;
      this.#nowUs = Math.max(this.#nowUs, at);
      this.#conn.handleTimeout(this.#nowUs);
      this.#poll();
    }
    this.#nowUs = endUs;
  }

  #poll(): void {
    for (let sent = 0; ; sent += 1) {
      demand(sent < OUTPUTS_PER_STEP, 'it does not stop sending');
      const length = this.#conn.pollTransmit(this.#nowUs, this.#out, 0);
      if (length === 0) break;
      const packet = this.#out.slice(0, length);
      demand(length >= HEADER_BYTES && decodeBetween(packet, 0) !== null, 'sent what is no packet');
      demand((packet[0]! & 0xe0) === 0, 'sent a flag that C never sends');
      demand(bytesEqual(packet, this.#out.subarray(0, length)), 'changed under the hand');
    }
    while (this.#conn.pollEvent() !== null);
  }
}

const packet = (flags: number, window: number, seq: number, ack: number, ...data: number[]): number[] => {
  const body = Buffer.alloc(HEADER_BYTES);
  body.writeUInt32BE(((flags << 24) | window) >>> 0, 0);
  body.writeUInt32BE(seq, 4);
  body.writeUInt32BE(ack, 8);
  return [HEADER_BYTES + data.length, ...body, ...data];
};

export const target: FuzzTarget = {
  name: 'frcp-o7s',
  about:
    'FRCP in the format of the C prototype against a hostile peer: no throw, spin or growth; nothing is made up',
  maxBytes: 400,
  seeds: [
    Uint8Array.from([
      ...[0xa1, 2, 1, 2],
      ...packet(FLAGS.DATA | FLAGS.DRF | FLAGS.ACK | FLAGS.FC, 0xff_fff9, 500, OUR_NUMBER + 1, 9, 9),
      ...packet(FLAGS.DATA, 0, 501, 0, 8),
      ...[0xc0, 0xd4],
      ...packet(FLAGS.RDVS, 0, 0, 0),
      ...packet(FLAGS.ACK | FLAGS.FC, 0x100, 0, 0),
      0xf0,
    ]),
  ],
  run(input) {
    checkDecoder(input);
    const reader = new InputReader(input);
    const hostile = new Hostile();
    while (!reader.isAtEnd) hostile.step(reader);
  },
};

import type { FlowPort } from '../../../packages/channel/src/channel.ts';
import { BROKEN_ERRNO } from '../../../packages/channel/src/core/mux.ts';
import { RING_HEADER_BYTES } from '../../../packages/channel/src/core/ring.ts';
import { twoMuxes, type HandEnd } from '../../../packages/channel/test/two-muxes.ts';
import { demand, InputReader, type FuzzTarget } from '../engine/target.ts';

const RING_BYTES = 4_096;
const WINDOW_BYTES = 2_048;
const FLOWS = 3;
const UNIT_BYTES = 4;

class FuzzedEnd {
  readonly hand: HandEnd;
  readonly ports = new Map<number, FlowPort>();
  readonly received = new Map<number, number[]>();
  readonly ends = new Map<number, number>();
  /** Messages accepted for sending, by flow: their first byte counts up. */
  readonly sent = new Map<number, number>();
  readonly wasDetached = new Set<number>();
  reads = true;
  isDown = false;

  constructor(hand: HandEnd) {
    this.hand = hand;
  }

  attach(id: number): void {
    if (this.ports.has(id) || this.isDown) return;
    this.received.set(id, []);
    const port = this.hand.mux.attach(
      id,
      {
        onMessage: (slab, start, end) => this.#took(id, slab, start, end),
        onEnd: () => void this.ends.set(id, (this.ends.get(id) ?? 0) + 1),
        onWritable: () => undefined,
      },
      { windowBytes: WINDOW_BYTES },
    );
    this.ports.set(id, port);
  }

  send(id: number, bytes: number): void {
    const port = this.ports.get(id);
    if (port === undefined) return;
    const count = this.sent.get(id) ?? 0;
    const message = new Uint8Array(bytes + 1).fill(count);
    if (port.trySend(message) === 'sent') this.sent.set(id, count + 1);
  }

  detach(id: number): void {
    this.ports.get(id)?.detach();
    if (this.ports.has(id)) this.wasDetached.add(id);
  }

  /** One turn; what a driver does with a peer that broke the rules. */
  turn(): void {
    if (this.isDown || this.hand.turn()) return;
    this.isDown = true;
    this.hand.mux.goDown(BROKEN_ERRNO);
  }

  #took(id: number, slab: Buffer, start: number, end: number): void {
    demand(start >= 0 && start <= end && end <= slab.length, 'a message outside its slab');
    demand(!this.wasDetached.has(id), 'a message after detach');
    demand(!this.ends.has(id), 'a message after the end');
    const bytes = slab.subarray(start, end);
    const list = this.received.get(id)!;
    if (bytes.length > 0) list.push(bytes.every((byte) => byte === bytes[0]) ? bytes[0]! : -1);
    if (this.reads) this.ports.get(id)?.consumed(end - start);
  }
}

function operate(reader: InputReader, ends: readonly [FuzzedEnd, FuzzedEnd], memory: ArrayBuffer): boolean {
  const op = reader.u8();
  const end = ends[op & 1]!;
  const [a, b, c] = [reader.u8(), reader.u8(), reader.u8()];
  const id = 1 + (a % FLOWS);
  switch ((op >> 1) % 10) {
    case 0:
      end.attach(id);
      return false;
    case 1:
      end.send(id, b);
      return false;
    case 2:
      end.send(id, (b << 8) | c);
      return false;
    case 3:
      end.ports.get(id)?.end(b);
      return false;
    case 4:
      end.detach(id);
      return false;
    case 5:
      end.ports.get(id)?.consumed((b << 8) | c);
      return true;
    case 6:
      end.reads = (b & 1) === 0;
      return false;
    case 7:
      scribble(memory, a, b, c);
      return true;
    default:
      end.turn();
      return false;
  }
}

/** Writes one word into the shared memory: header words of either direction, or the rings. */
function scribble(memory: ArrayBuffer, a: number, b: number, c: number): void {
  const words = new Int32Array(memory);
  const direction = (a & 1) * (RING_HEADER_BYTES >> 2);
  const inHeader = direction + 32 * ((a >> 1) % 5);
  const inRing = (2 * RING_HEADER_BYTES) / 4 + (a & 1) * (RING_BYTES >> 2) + ((a >> 2) % 32);
  const at = (a & 0x80) === 0 ? inHeader : inRing;
  const old = words[at]!;
  const values = [
    b,
    old + b,
    (c << 24) | b,
    -b,
    (old & 0xff_ffff) | (c << 24),
    (c << 16) | (b << 8),
    old ^ b,
  ];
  words[at] = values[c % values.length]!;
}

/** With honest ends: what one end has of the other is the front of what was sent, each message once and whole. */
function checkHonest(from: FuzzedEnd, to: FuzzedEnd): void {
  demand(!to.isDown, 'an honest peer is called broken');
  for (const [id, list] of to.received) {
    list.forEach((first, at) => demand(first === (at & 0xff), 'messages out of order, lost or torn'));
    demand(list.length <= (from.sent.get(id) ?? 0), 'a message that was never sent');
  }
}

export const target: FuzzTarget = {
  name: 'channel-ring',
  about:
    'two ends of a channel over memory that the input scribbles on: nothing throws, and honest ends lose nothing',
  maxBytes: 600,
  unitBytes: UNIT_BYTES,
  seeds: [
    Uint8Array.from([
      ...[0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 4, 0, 20, 9, 17, 0, 0, 0, 16, 0, 0, 0, 6, 0, 0, 0, 17, 0, 0, 0],
      ...[14, 0, 3, 1, 17, 0, 0, 0, 8, 0, 0, 0],
    ]),
  ],
  run(input) {
    const reader = new InputReader(input);
    const { ends, memory } = twoMuxes(RING_BYTES);
    const both = [new FuzzedEnd(ends[0]), new FuzzedEnd(ends[1])] as const;
    let isHostile = false;
    while (!reader.isAtEnd) {
      isHostile = operate(reader, both, memory) || isHostile;
      if (!isHostile) {
        checkHonest(both[0], both[1]);
        checkHonest(both[1], both[0]);
      }
    }
    for (const end of both) {
      end.hand.mux.goDown(BROKEN_ERRNO);
      for (const [id, port] of end.ports) {
        demand(end.wasDetached.has(id) || end.ends.get(id) === 1, 'a flow ends other than once');
        demand(port.trySend(new Uint8Array(1)) === 'closed', 'a channel that is down takes a message');
      }
    }
  },
};

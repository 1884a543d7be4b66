import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { FlowPort, SendOutcome } from '@flowring/channel';
import { crc32 } from '@flowring/channel';
import type { QosSpec } from '@flowring/common';
import { LIMITS, qosCubes } from '@flowring/common';
import type { UdpAddress, UdpSocket } from '@flowring/datagram';
import { AppFlow } from '../../src/adapters/app-flow.ts';
import { FLAG, flagsOf } from '../../src/core/udp/packet.ts';
import type { Neighbour } from '../../src/core/udp/neighbour.ts';
import { PathMtu } from '../../src/core/udp/path-mtu.ts';
import { decodeTaken } from '../../src/core/udp/send-window.ts';
import type { UdpFlowHost } from '../../src/layers/udp/udp-flow.ts';
import { UdpFlow } from '../../src/layers/udp/udp-flow.ts';

const PEER: UdpAddress = { host: '192.0.2.1', port: 1, family: 4, tag: null };
const THIEF: UdpAddress = { host: '192.0.2.2', port: 1, family: 4, tag: null };

/** A socket that keeps what is sent, and an application's port that keeps what is delivered. */
class TestWorld {
  readonly sent: Buffer[] = [];
  readonly delivered: string[] = [];
  readonly strayed: UdpAddress[] = [];
  hasRoom = true;
  /** In the socket. */
  roomPackets = Infinity;
  appHasRoom = true;
  /** In its room for runs. */
  appRoomMessages = Infinity;
  appEnd: number | null = null;
  told: number | null = null;
  readonly outgoing = Buffer.alloc(70_000);
  readonly counters = {
    ...{ dataSent: 0, dataReceived: 0, controlSent: 0, controlReceived: 0, malformed: 0 },
    ...{ corrupt: 0, stray: 0, replayed: 0, overrun: 0, tooLarge: 0 },
  };
  readonly app = new AppFlow(1, 1, { onAppEnd: (_app, errno) => (this.told = errno) });
  readonly flow: UdpFlow;

  constructor(qos: QosSpec) {
    const neighbour = { name: 'peer', address: PEER, path: new PathMtu(1_472, 0) };
    const binding = { flow: 1, peer: 'peer', qos, sEid: 5, rEid: 6 };
    this.app.port = this.#port();
    this.flow = new UdpFlow(this.#host(), neighbour as unknown as Neighbour<UdpAddress>, binding, this.app);
    this.app.onAppWritable = this.flow.onAppWritable;
    this.app.endsAfterData = true;
    this.app.toLayer.setSink(this.flow);
  }

  write(text: string): void {
    const slab = Buffer.from(text);
    this.app.onMessage(slab, 0, slab.length);
  }

  /** A run of texts of one length. */
  writeRun(texts: readonly string[]): void {
    const slab = Buffer.from(texts.map((text) => `head${text}`).join(''));
    const { length } = texts[0]!;
    this.app.onMessageRun(slab, 4, length + 4, length, texts.length);
  }

  /** What was sent, taken in again as if the peer had sent it. */
  receive(packet: Buffer, from: UdpAddress = PEER): boolean {
    return this.flow.receive(packet, 0, packet.length, flagsOf(packet, 0), from);
  }

  /** The same of some packets of one length that the kernel joined. */
  receiveRun(packets: readonly Buffer[], from: UdpAddress = PEER): number {
    const bytes = Buffer.concat(packets);
    return this.flow.receiveRun(bytes, 0, bytes.length, from, packets[0]!.length);
  }

  /** Times the socket was asked to wait for the application, and to go on. */
  gaveWay = 0;
  resumed = 0;
  /** Numbers that the peer was told. */
  readonly tells: number[] = [];

  #host(): UdpFlowHost {
    const socket = {
      outgoing: this.outgoing,
      reserve: () => (this.hasRoom && this.roomPackets-- > 0 ? 100 : -1),
      giveWay: () => (this.gaveWay += 1),
      resume: () => (this.resumed += 1),
      commit: (_to: UdpAddress, bytes: number) =>
        void this.sent.push(Buffer.from(this.outgoing.subarray(100, 100 + bytes))),
    };
    return {
      socket: socket as unknown as UdpSocket,
      crc32,
      counters: this.counters,
      flushSoon: () => undefined,
      blocked: () => undefined,
      used: () => undefined,
      tell: (_flow, content) => void this.tells.push(decodeTaken(content)!.number),
      strayed: (_flow, from) => void this.strayed.push(from),
    };
  }

  #port(): FlowPort {
    const take = (text: string): SendOutcome => {
      if (!this.appHasRoom) return 'would-block';
      this.delivered.push(text);
      return 'sent';
    };
    return {
      ...{ flow: 1, inFlightBytes: 0, consumed: () => undefined, detach: () => undefined },
      trySend: (message) => take(Buffer.from(message).toString()),
      trySendWith: (maxBytes, fill) => {
        const target = new Uint8Array(maxBytes);
        if (!this.appHasRoom) return 'would-block';
        return take(Buffer.from(target.subarray(0, fill(target, 0))).toString());
      },
      trySendRun: (bytes, start, strideBytes, messageBytes, count) => {
        let sent = 0;
        for (let at = start; sent < count && this.appRoomMessages > 0; at += strideBytes, sent += 1) {
          this.appRoomMessages -= 1;
          this.delivered.push(bytes.toString('utf8', at, at + messageBytes));
        }
        return sent;
      },
      end: (errno) => void (this.appEnd = errno),
    };
  }
}

//= R-UDP-04
describe('packets of a flow', () => {
  test.each([
    ['raw', qosCubes.raw, FLAG.numbered],
    ['raw without bit errors', qosCubes.rawNoErrors, FLAG.numbered | FLAG.checked],
    ['reliable', qosCubes.data, 0],
  ])('that is %s have the flags of its QoS and bring its messages', (_name, qos, flags) => {
    const world = new TestWorld(qos);
    for (const text of ['one', '', 'three']) world.write(text);
    expect(world.sent.map((packet) => flagsOf(packet, 0))).toEqual([flags, flags, flags]);
    for (const packet of world.sent) expect(world.receive(packet)).toBe(true);
    expect(world.delivered).toEqual(['one', '', 'three']);
  });

  test('with other flags than its QoS has are dropped', () => {
    const checked = new TestWorld(qosCubes.rawNoErrors);
    const raw = new TestWorld(qosCubes.raw);
    raw.write('unchecked');
    expect(checked.receive(raw.sent[0]!)).toBe(false);
    expect(checked.counters.stray).toBe(1);
  });
});

describe('a raw flow', () => {
  let world: TestWorld;
  beforeEach(() => {
    world = new TestWorld(qosCubes.rawNoErrors);
    world.write('a message');
  });

  test('delivers no copy of a packet (H12)', () => {
    for (let i = 0; i < 4; i += 1) world.receive(world.sent[0]!);
    expect(world.delivered).toEqual(['a message']);
    expect(world.counters.replayed).toBe(3);
  });

  test('delivers nothing with a flipped bit (N18)', () => {
    const packet = world.sent[0]!;
    for (let bit = 0; bit < 8 * packet.length; bit += 1) {
      const flipped = Buffer.from(packet);
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      world.receive(flipped);
    }
    expect(world.delivered).toEqual([]);
  });

  test('takes nothing from another address, and has it asked (H11)', () => {
    expect(world.receive(world.sent[0]!, THIEF)).toBe(false);
    expect(world.delivered).toEqual([]);
    expect(world.strayed).toEqual([THIEF]);
  });

  //= R-UDP-22
  test('sends nothing larger than the path carries', () => {
    world.app.onMessage(Buffer.alloc(1_185), 0, 1_185);
    expect(world.counters.tooLarge).toBe(1);
    world.app.onMessage(Buffer.alloc(1_184), 0, 1_184);
    expect(world.sent.at(-1)).toHaveLength(1_200);
  });

  test('that ends while the socket has no room ends after what it wrote', () => {
    world.hasRoom = false;
    world.write('last words');
    world.app.onEnd(0);
    expect(world.told).toBeNull();
    world.hasRoom = true;
    world.app.toLayer.flush();
    expect([world.sent.length, world.told]).toEqual([2, 0]);
  });

  test('holds what its application has no room for, in order, up to the window', () => {
    world.appHasRoom = false;
    const count = Math.ceil(LIMITS.pathWindowBytes / 1_000) + 10;
    for (let i = 0; i < count; i += 1) world.write(`${i}`.padEnd(1_000));
    world.flow.taken(world.sent.length);
    for (const packet of world.sent) world.receive(packet);
    expect(world.counters.overrun).toBeGreaterThan(0);
    expect(world.gaveWay).toBe(world.sent.length - world.counters.overrun);
    world.flow.finish(0);
    expect([world.appEnd, world.resumed]).toEqual([null, 0]);
    world.appHasRoom = true;
    world.app.onWritable();
    expect(world.resumed).toBe(1);
    const texts = world.delivered.map((text) => text.trim());
    expect(texts).toEqual(['a message', ...Array.from({ length: texts.length - 1 }, (_, i) => `${i}`)]);
    expect(texts).toHaveLength(1 + count - world.counters.overrun);
    expect(world.appEnd).toBe(0);
  });
});

describe('a run of messages', () => {
  const texts = ['m-0', 'm-1', 'm-2'];

  test.each([
    ['raw', qosCubes.raw],
    ['raw without bit errors', qosCubes.rawNoErrors],
    ['reliable', qosCubes.data],
  ])('leaves a %s flow as its messages do', (_name, qos) => {
    const [one, other] = [new TestWorld(qos), new TestWorld(qos)];
    for (const text of texts) one.write(text);
    other.writeRun(texts);
    expect(other.sent).toEqual(one.sent);
    expect(other.counters).toEqual(one.counters);
  });

  test('stops where the socket has no more room, and goes on there', () => {
    const world = new TestWorld(qosCubes.raw);
    world.roomPackets = 2;
    world.writeRun(texts);
    expect(world.sent).toHaveLength(2);
    world.roomPackets = Infinity;
    world.app.toLayer.flush();
    for (const packet of world.sent) world.receive(packet);
    expect(world.delivered).toEqual(texts);
  });

  test('that is too large for the path is counted message by message', () => {
    const world = new TestWorld(qosCubes.raw);
    world.writeRun(['x'.repeat(1_189), 'y'.repeat(1_189)]);
    expect([world.sent.length, world.counters.tooLarge]).toEqual([0, 2]);
  });
});

describe('a run of packets', () => {
  const texts = ['m-0', 'm-1', 'm-2', 'm-3', 'm-4', 'm-5'];
  let world: TestWorld;
  beforeEach(() => {
    world = new TestWorld(qosCubes.raw);
    for (const text of texts) world.write(text);
  });

  test('is delivered as its packets are', () => {
    expect(world.receiveRun(world.sent)).toBe(6);
    expect(world.delivered).toEqual(texts);
    expect(world.counters.dataReceived).toBe(6);
    expect(world.receive(world.sent[3]!)).toBe(false);
  });

  //= R-UDP-05
  test('ends before the first that came before', () => {
    world.receive(world.sent[2]!);
    expect(world.receiveRun(world.sent)).toBe(2);
    expect(world.receiveRun(world.sent)).toBe(0);
    expect(world.delivered).toEqual(['m-2', 'm-0', 'm-1']);
  });

  test.each([0, 1, 2, 3, 4, 7])('ends before the first whose header differs in byte %i', (at) => {
    world.sent[4]![at]! ^= 4;
    expect(world.receiveRun(world.sent)).toBe(4);
    expect(world.delivered).toEqual(texts.slice(0, 4));
  });

  test('ends before a last packet that is shorter', () => {
    const whole = world.sent.slice(0, 3);
    expect(world.receiveRun([...whole, world.sent[3]!.subarray(0, 10)])).toBe(3);
  });

  test('waits in order where the application has room for a part of it', () => {
    world.appRoomMessages = 2;
    world.appHasRoom = false;
    expect(world.receiveRun(world.sent)).toBe(6);
    expect(world.delivered).toEqual(texts.slice(0, 2));
    expect(world.gaveWay).toBeGreaterThan(0);
    world.appRoomMessages = Infinity;
    world.write('m-6');
    expect(world.receiveRun(world.sent.slice(6))).toBe(0);
    world.appHasRoom = true;
    world.app.onWritable();
    expect(world.delivered).toEqual(texts);
  });

  test('is left to be received one by one from another address, with a check, and without numbers', () => {
    expect(world.receiveRun(world.sent, THIEF)).toBe(0);
    for (const qos of [qosCubes.rawNoErrors, qosCubes.data]) {
      const other = new TestWorld(qos);
      other.write('m-0');
      expect(other.receiveRun(other.sent)).toBe(0);
    }
    expect(world.delivered).toEqual([]);
  });
});

//= R-UDP-30
describe('a raw flow whose peer', () => {
  const message = 'm'.repeat(1_000);
  let world: TestWorld;
  beforeEach(() => {
    jest.useFakeTimers();
    world = new TestWorld(qosCubes.raw);
    for (let i = 0; i < 6_000; i += 1) world.write(message);
  });
  afterEach(() => void jest.useRealTimers());

  const bytesSent = (): number => world.sent.reduce((sum, { length }) => sum + length, 0);

  test('has told nothing sends a window, and the rest when it did', () => {
    expect(bytesSent()).toBeGreaterThanOrEqual(LIMITS.pathWindowBytes);
    const sent = world.sent.length;
    expect(sent).toBeLessThan(5_000);
    world.flow.taken(sent);
    expect(world.sent).toHaveLength(6_000);
  });

  //= R-UDP-32
  test('says nothing is sent another window after a while', async () => {
    const sent = world.sent.length;
    await jest.advanceTimersByTimeAsync(90);
    expect(world.sent).toHaveLength(sent);
    await jest.advanceTimersByTimeAsync(30);
    expect(world.sent).toHaveLength(6_000);
  });

  test('is forgotten sends nothing more', async () => {
    const sent = world.sent.length;
    world.flow.close();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(world.sent).toHaveLength(sent);
  });

  //= R-UDP-31
  test('sends is told what its application had room for', () => {
    const packets = [...world.sent];
    for (const packet of packets.slice(0, 1_000)) world.receive(packet);
    expect(world.tells.length).toBeGreaterThan(2);
    expect(world.tells.at(-1)).toBeGreaterThan(700);
    const { length } = world.tells;
    world.appHasRoom = false;
    for (const packet of packets.slice(1_000, 2_000)) world.receive(packet);
    expect(world.tells).toHaveLength(length);
    world.appHasRoom = true;
    world.app.onWritable();
    expect(world.tells.slice(length)).toEqual([2_000]);
  });
});

test('a reliable flow sends without a window of the layer, and tells nothing', () => {
  const world = new TestWorld(qosCubes.data);
  const message = 'm'.repeat(1_000);
  for (let i = 0; i < 6_000; i += 1) world.write(message);
  expect(world.sent).toHaveLength(6_000);
  for (const packet of world.sent) world.receive(packet);
  expect(world.tells).toEqual([]);
});

// The layer over real sockets of the loopback interface, its peer a bare socket that speaks the format by hand.
import { createSocket, type Socket } from 'node:dgram';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ControlMessage, ControlType, QosSpec } from '@flowring/common';
import { LIMITS, qosCubes } from '@flowring/common';
import { until } from '../../../../test/scenarios/until.mjs';
import { Ipcp } from '../../src/adapters/ipcp.ts';
import type { FlowReply, FlowRequest } from '../../src/core/o7s/management-frame.ts';
import { decodeFrame, encodeFrame } from '../../src/core/o7s/management-frame.ts';
import { nameHash } from '../../src/core/o7s/name-hash.ts';
import { decodeOap, encodeOap, plainOap } from '../../src/core/o7s/oap-header.ts';
import { O7sUdpLayer } from '../../src/layers/o7s-udp/o7s-udp-layer.ts';
import { FakeApp } from '../local-world.ts';
import { capture } from './captures.ts';
import { nodeDigest } from './node-digest.ts';

const CHANNEL = 10;
const OUR_HOST = '127.0.0.1';
const PEER_HOST = '127.0.0.2';
const FLOW = 5;

/** An IPCP of ours with one application, and sockets that are its peers. */
class World {
  readonly app = new FakeApp(CHANNEL);
  readonly messages: ControlMessage[] = [];
  readonly layer = new O7sUdpLayer();
  readonly ipcp: Ipcp;
  readonly received: Buffer[] = [];
  readonly sockets: Socket[] = [];

  constructor() {
    this.ipcp = new Ipcp({
      layer: this.layer,
      openChannel: () => this.app,
      send: (message) => this.messages.push(message) > 0,
      onIdle: () => undefined,
    });
  }

  async start(): Promise<this> {
    const peer = await this.socket(PEER_HOST);
    peer.on('message', (bytes: Buffer) => this.received.push(bytes));
    const names = { far: `${PEER_HOST}:${peer.address().port}` };
    const config = { host: OUR_HOST, port: 0, names, resolver: false };
    this.ipcp.handle({ t: 'ipcp-bootstrap', req: 1, layer: 'o7s', config });
    await until(() => this.told('ok').length === 1, 'the layer is up');
    return this;
  }

  socket(host: string): Promise<Socket> {
    const socket = createSocket('udp4');
    this.sockets.push(socket);
    return new Promise((resolve) => socket.bind(0, host, () => resolve(socket)));
  }

  told<T extends ControlType>(type: T): ControlMessage<T>[] {
    return this.messages.filter((message) => message.t === type) as unknown as ControlMessage<T>[];
  }

  /** The peer, or a stranger, sends us a datagram. */
  send(bytes: Uint8Array, from: Socket = this.sockets[0]!): void {
    from.send(bytes, this.layer.socket.local.port, OUR_HOST);
  }

  async frame(at = 0): Promise<Buffer> {
    await until(() => this.received.length > at, `datagram ${at} arrives`);
    return this.received[at]!;
  }

  /** Serves `near` and gets a request for it; returns the EID we gave. */
  async accepted(qos: QosSpec): Promise<number> {
    this.ipcp.handle({ t: 'ipcp-register', req: 2, name: 'near' });
    const oap = encodeOap(plainOap(new Uint8Array(16).fill(3), BigInt(Date.now()) * 1_000_000n));
    this.send(encodeFrame({ t: 'request', sEid: 64, qos, nameHash: nameHash(nodeDigest, 'near'), oap }));
    await until(() => this.told('ipcp-incoming').length === 1, 'the request is offered');
    const { incoming } = this.told('ipcp-incoming')[0]!;
    this.ipcp.handle({ t: 'ipcp-accept', incoming, flow: FLOW, channel: CHANNEL, open: SPEC });
    return (decodeFrame(await this.frame()) as FlowReply).dEid;
  }

  /** Asks for `far`; returns the request. */
  async asked(qos: QosSpec = qosCubes.raw): Promise<FlowRequest> {
    const flow = { flow: FLOW, channel: CHANNEL, open: SPEC };
    this.ipcp.handle({ t: 'ipcp-alloc', name: 'far', qos, timeoutMs: 5_000, ...flow });
    return decodeFrame(await this.frame()) as FlowRequest;
  }

  reply(request: FlowRequest): void {
    const { id } = decodeOap(request.oap, 0)!;
    const oap = encodeOap(plainOap(id, 1n, nodeDigest('sha384', request.oap)));
    this.send(encodeFrame({ t: 'reply', sEid: request.sEid, dEid: 64, response: 0, oap }));
  }

  close(): void {
    this.ipcp.close();
    for (const socket of this.sockets) socket.close();
  }
}

const SPEC = { id: CHANNEL, kind: 'unix', side: 'a', path: '/unused', ringBytes: 4_096, token: '' } as const;

function packet(eid: number, text: string, trailer = ''): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(eid);
  return Buffer.concat([head, Buffer.from(text), Buffer.from(trailer, 'hex')]);
}

const crcOf = (text: string): string => crc32(text).toString(16).padStart(8, '0');

let world: World;
const start = async (): Promise<World> => (world = await new World().start());

afterEach(() => world.close());

describe('a flow that a C peer asks for', () => {
  //= R-OUDP-39
  test('is answered with 131 bytes, and its packets travel behind the EID of their receiver', async () => {
    await start();
    const ours = await world.accepted(qosCubes.raw);
    expect(world.received[0]).toHaveLength(131);
    world.send(packet(ours, 'ping'));
    await until(() => world.app.received(FLOW).length === 1, 'the ping arrives');
    expect(world.app.received(FLOW)).toEqual(['ping']);
    world.app.write(FLOW, 'pong');
    expect(await world.frame(1)).toEqual(packet(64, 'pong'));
    expect(world.told('ipcp-incoming')[0]).toMatchObject({
      params: { wire: 'o7s', mtuBytes: 8_976, congestion: 'cubic' },
    });
  });

  //= R-OUDP-37
  //= R-OUDP-01
  test('takes no packet of a stranger, no runt and no keepalive for a message', async () => {
    await start();
    const ours = await world.accepted(qosCubes.raw);
    world.send(packet(ours, 'forged'), await world.socket('127.0.0.3'));
    world.send(Buffer.from('abc'));
    world.send(packet(ours, ''));
    world.send(packet(ours + 1, 'for nobody'));
    world.send(packet(ours, 'true'));
    await until(() => world.app.received(FLOW).length > 0, 'the message arrives');
    expect(world.app.received(FLOW)).toEqual(['true']);
    await until(() => world.layer.counters.strays === 2, 'the two strays are counted');
    expect(world.layer.counters).toMatchObject({ runts: 1, packetsReceived: 1 });
  });

  //= R-OUDP-37
  test('holds what comes while its application has no room, up to the window, then delivers it in order', async () => {
    await start();
    const ours = await world.accepted(qosCubes.raw);
    const texts = Array.from({ length: Math.floor(LIMITS.flowWindowBytes / 8_000) }, (_, i) =>
      `${i}`.padEnd(8_000),
    );
    world.app.pause(FLOW);
    for (const [i, text] of [...texts, 'x'.repeat(8_000)].entries()) {
      world.send(packet(ours, text));
      await until(() => world.layer.counters.packetsReceived === i + 1, 'the packet arrives');
    }
    expect(world.app.received(FLOW)).toEqual([]);
    expect(world.layer.counters.overrun).toBe(1);
    world.app.resume(FLOW);
    expect(world.app.received(FLOW)).toEqual(texts);
  });

  //= R-OUDP-02
  test('sends nothing that a C receiver would cut', async () => {
    await start();
    await world.accepted(qosCubes.raw);
    world.app.write(FLOW, 'x'.repeat(8_977));
    world.app.write(FLOW, 'y'.repeat(8_976));
    expect(await world.frame(1)).toHaveLength(8_980);
    expect(world.layer.counters).toMatchObject({ tooLarge: 1, packetsSent: 1 });
    expect(world.app.unreturned(FLOW)).toBe(0);
  });

  //= R-OUDP-08
  test('has a checksum behind every packet where a raw flow asks for ber 0', async () => {
    await start();
    const ours = await world.accepted({ ...qosCubes.raw, ber: 0 });
    world.send(packet(ours, 'flipped', crcOf('flapped')));
    world.send(packet(ours, 'sound', crcOf('sound')));
    await until(() => world.app.received(FLOW).length > 0, 'the message arrives');
    expect(world.app.received(FLOW)).toEqual(['sound']);
    expect(world.layer.counters.corrupt).toBe(1);
    world.app.write(FLOW, 'back');
    expect(await world.frame(1)).toEqual(packet(64, 'back', crcOf('back')));
  });

  //= R-OUDP-11
  test('is refused when its stamp is that of an old capture', async () => {
    await start();
    world.ipcp.handle({ t: 'ipcp-register', req: 2, name: 'oping' });
    world.send(capture('raw-oping')[0]!.bytes);
    expect(decodeFrame(await world.frame())).toMatchObject({ t: 'reply', sEid: 64, response: -1_009 });
    expect(world.received[0]).toHaveLength(47);
  });
});

describe('a flow asked of a C peer', () => {
  test('is a request of 99 bytes to where the configuration says the name is', async () => {
    await start();
    const request = await world.asked(qosCubes.data);
    expect(world.received[0]).toHaveLength(99);
    expect(request).toMatchObject({ t: 'request', nameHash: nameHash(nodeDigest, 'far') });
    world.reply(request);
    await until(() => world.told('ipcp-allocated').length === 1, 'the flow is allocated');
    expect(world.told('ipcp-allocated')[0]).toMatchObject({ flow: FLOW, params: { wire: 'o7s' } });
  });

  //= R-OUDP-37
  test('gets what its peer sent before the reply, after it', async () => {
    await start();
    const request = await world.asked();
    for (const text of ['one', 'two']) world.send(packet(request.sEid, text));
    world.reply(request);
    await until(() => world.told('ipcp-allocated').length === 1, 'the flow is allocated');
    expect(world.app.received(FLOW)).toEqual(['one', 'two']);
  });

  //= R-OUDP-41
  test('says nothing on the wire when it ends', async () => {
    await start();
    world.reply(await world.asked());
    await until(() => world.told('ipcp-allocated').length === 1, 'the flow is allocated');
    world.app.write(FLOW, 'last');
    world.app.end(FLOW, 0);
    world.ipcp.handle({ t: 'ipcp-dealloc', flow: FLOW });
    expect(await world.frame(1)).toEqual(packet(64, 'last'));
    expect(world.told('ipcp-released')).toHaveLength(1);
    expect(world.received).toHaveLength(2);
  });
});

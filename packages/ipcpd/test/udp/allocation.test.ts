import { describe, expect, test } from '@jest/globals';
import v8 from 'node:v8';
import vm from 'node:vm';
import { qosCubes } from '@flowring/common';
import type { FaInput, FaOutput } from '../../src/core/fa-messages.ts';
import { FlowAllocator } from '../../src/core/flow-allocator.ts';
import { SECOND, TestIpcp, UdpWorld } from './udp-world.ts';

const QOS = { ...qosCubes.data, timeout: 3_000 };

/** An IPCP with its allocator; its IRMd accepts everything. */
class TestHost {
  readonly ipcp: TestIpcp;
  readonly allocator: FlowAllocator;
  readonly world: UdpWorld;
  /** Flows allocated here, and when. */
  readonly allocated = new Map<number, number>();
  readonly accepted: number[] = [];
  readonly refused: number[] = [];
  readonly ended: number[] = [];
  #nextFlow = 1_000_000;

  constructor(world: UdpWorld, name: string) {
    this.world = world;
    this.ipcp = new TestIpcp(world, name);
    this.ipcp.onPdu = (peer, pdu) => this.input({ t: 'pdu', peer, pdu });
    this.allocator = new FlowAllocator({
      traits: { lossless: false, mplUs: 5 * SECOND, quarantineUs: 105 * SECOND, rtoInitialUs: 200_000 },
      paramsOf: () => ({ mplMs: 5_000, aMs: 50, rMs: 30_000, mtuBytes: 1_184 }),
      random: () => Math.floor(world.random() * 2 ** 32),
    });
  }

  input(input: FaInput): void {
    this.take(this.allocator.handle(input, this.world.nowUs));
  }

  request(flow: number, timeoutMs = 10_000): void {
    this.input({ t: 'request', flow, peer: 'server', name: 'echo', qos: QOS, timeoutMs });
  }

  next(): number | null {
    return this.allocator.nextTimeout();
  }

  due(): void {
    this.take(this.allocator.handleTimeout(this.world.nowUs));
  }

  take(outputs: readonly FaOutput[]): void {
    for (const output of outputs) {
      if (output.t === 'send') this.ipcp.sendPdu(output.peer, output.pdu);
      else if (output.t === 'ended') this.ended.push(output.flow);
      else if (output.t === 'irmd') this.#tell(output.message);
    }
  }

  #tell(message: Extract<FaOutput, { t: 'irmd' }>['message']): void {
    if (message.t === 'ipcp-allocated') this.allocated.set(message.flow, this.world.nowUs);
    if (message.t === 'ipcp-refused') this.refused.push(message.flow);
    if (message.t !== 'ipcp-incoming') return;
    this.accepted.push((this.#nextFlow += 1));
    this.input({ t: 'accept', incoming: message.incoming, flow: this.#nextFlow });
  }
}

describe('1000 allocations at 30% loss both ways, with copies and reordering', () => {
  test.each([1])('all succeed within 10 s, and none twice (N1, seed %i)', (seed) => {
    const world = new UdpWorld(seed);
    Object.assign(world, { loss: 0.3, copies: 0.2, jitterUs: 30_000 });
    const client = new TestHost(world, 'client');
    const server = new TestHost(world, 'server');
    const asked = new Map<number, number>();
    for (let flow = 1; flow <= 1_000; flow += 1) {
      asked.set(flow, world.nowUs);
      client.request(flow);
      world.run(0.01, [client, server]);
    }
    world.run(10, [client, server]);
    expect([client.allocated.size, server.accepted.length]).toEqual([1_000, 1_000]);
    const waits = [...asked].map(([flow, atUs]) => client.allocated.get(flow)! - atUs);
    expect(Math.max(...waits)).toBeLessThan(10 * SECOND);
    expect([...client.ended, ...server.ended, ...client.refused]).toEqual([]);
    expect(client.allocator.inspect()).toMatchObject({ flows: 1_000, incoming: 0 });
    expect(server.allocator.inspect()).toMatchObject({ flows: 1_000, incoming: 0 });
  });
});

test('ten minutes at 20% loss with T = 3 s ends no flow, in at most 20 packets a second', () => {
  const world = new UdpWorld(4);
  const client = new TestHost(world, 'client');
  const server = new TestHost(world, 'server');
  for (let flow = 1; flow <= 100; flow += 1) client.request(flow);
  world.run(5, [client, server]);
  world.loss = 0.2;
  world.sent.length = 0;
  world.run(600, [client, server]);
  expect([client.ended, server.ended]).toEqual([[], []]);
  expect(world.sent.length / 600).toBeLessThan(20);
});

/** 100,000 cost as much each; they take longer. */
const MANY_FLOWS = 20_000;

test('a flow of many costs less than 300 bytes at each end', () => {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  const world = new UdpWorld(5);
  const client = new TestHost(world, 'client');
  const server = new TestHost(world, 'server');
  const heap = (): number => {
    world.sent.length = client.ipcp.pdus.length = server.ipcp.pdus.length = 0;
    client.allocated.clear();
    server.accepted.length = 0;
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heap();
  for (let flow = 1; flow <= MANY_FLOWS; flow += 1) {
    client.request(flow);
    if (flow % 10_000 === 0) {
      world.run(1, [client, server]);
      heap();
      world.run(75, [client, server]);
    }
  }
  world.run(120, [client, server]);
  expect([client.allocator.inspect().flows, server.allocator.inspect().flows]).toEqual([
    MANY_FLOWS,
    MANY_FLOWS,
  ]);
  expect((heap() - before) / (2 * MANY_FLOWS)).toBeLessThan(300);
});

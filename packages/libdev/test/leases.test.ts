import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '@flowring/common';
import type { Flow, FlowAllocOptions } from '../src/index.ts';
import { createTestLayer, type TestLayer } from '../src/testing.ts';
import { codeOf, text } from './support.ts';

const LEASED_MIN = 0x4000_0000;
/** The outcome of what needs no time. */
async function now<T>(layer: TestLayer, outcome: Promise<T>): Promise<T> {
  let pending = true;
  const done = () => (pending = false);
  outcome.then(done, done);
  while (pending) await layer.settle();
  return outcome;
}

const isLeased = (flow: Flow) => flow.id >= LEASED_MIN;

/** A server whose accept loop echoes one message a flow, and a client that has had its first flow. */
async function leased(options: { backlogMax?: number } = {}) {
  const layer = createTestLayer({ clock: 'virtual' });
  const client = layer.process('client');
  const server = layer.process('server');
  const acceptor = server.flowAccept({ name: 'n', ...options });
  await layer.settle();
  const [first] = await now(layer, Promise.all([client.flowAlloc('n'), acceptor.accept()]));
  /** Allocates and accepts. */
  const next = (more: FlowAllocOptions = {}): Promise<[Flow, Flow]> =>
    now(layer, Promise.all([client.flowAlloc('n', more), acceptor.accept()]));
  return { layer, client, server, acceptor, first, next };
}

describe('a second allocation to a name', () => {
  test('needs the server alone, and gives both ends the same flow', async () => {
    const { layer, first, next } = await leased();
    expect(isLeased(first)).toBe(false);
    const [a, b] = await next({ qos: 'data' });
    expect(isLeased(a)).toBe(true);
    expect([b.id, b.name, b.qos]).toEqual([a.id, 'n', a.qos]);
    await now(layer, a.write(Buffer.from('hello')));
    expect(text(await now(layer, b.read()))).toBe('hello');
    await now(layer, b.write(Buffer.from('hi')));
    expect(text(await now(layer, a.read()))).toBe('hi');
  });

  test('carries its first message', async () => {
    const { next } = await leased();
    const [, b] = await next({ data: Buffer.from('first') });
    expect(isLeased(b)).toBe(true);
    expect(b.data?.toString()).toBe('first');
  });

  test('is unknown to the IRMd while the flow is younger than the time to tell, and known after it', async () => {
    const { layer, next } = await leased();
    const [a, b] = await next();
    expect(layer.counts.flows).toBe(1);
    await layer.advance(20);
    expect(layer.counts.flows).toBe(2);
    await now(layer, Promise.all([a.dealloc(), b.dealloc()]));
    await layer.advance(20);
    expect(layer.counts.flows).toBe(1);
  });

  test('leaves nothing at the IRMd when the flow was short', async () => {
    const { layer, next } = await leased();
    const [a, b] = await next();
    await now(layer, Promise.all([a.dealloc(), b.dealloc()]));
    await layer.advance(20);
    expect(layer.counts.flows).toBe(1);
  });

  test('is known to the IRMd though leases came and went before it was told of', async () => {
    const { layer, next } = await leased();
    const opened = LIMITS.leaseFlows + 50;
    for (let n = 0; n < opened; n++) await next();
    await layer.advance(20);
    expect(layer.counts.flows).toBe(1 + opened);
  });

  test('goes to the IRMd when the QoS is none of the cubes', async () => {
    const { first, next } = await leased();
    const [a] = await next({ qos: { ...first.qos, delay: 7 } });
    expect(isLeased(a)).toBe(false);
  });

  test('gets ids of a new lease when those of the first are used up', async () => {
    const { layer, next } = await leased();
    const ids = new Set<number>();
    let asked = 0;
    for (let n = 0; n < 2 * LIMITS.leaseFlows + 2; n++) {
      const [a, b] = await next();
      ids.add(a.id);
      if (!isLeased(a)) asked++;
      await now(layer, Promise.all([a.dealloc(), b.dealloc()]));
    }
    expect(ids.size).toBe(2 * LIMITS.leaseFlows + 2);
    expect(asked).toBe(2);
  });
});

describe('allocations to a name that are under way at once', () => {
  test('ask for one lease in all, so that what is opened on it stays known to the IRMd', async () => {
    const layer = createTestLayer({ clock: 'virtual' });
    const [client, server] = [layer.process('client'), layer.process('server')];
    const acceptor = server.flowAccept({ name: 'n' });
    await layer.settle();
    const accepted = Promise.all(Array.from({ length: 3 }, () => acceptor.accept()));
    const first = client.flowAlloc('n');
    const second = client.flowAlloc('n');
    const third = first.then(() => client.flowAlloc('n'));
    const flows = await now(layer, Promise.all([first, second, third]));
    expect(flows.map(isLeased)).toEqual([false, false, true]);
    await now(layer, accepted);
    await layer.advance(20);
    expect(layer.counts.flows).toBe(3);
  });
});

describe('a server that does not take a leased flow', () => {
  test('because it closed its acceptor: the client hears what the IRMd says', async () => {
    const { layer, client, acceptor } = await leased();
    await now(layer, acceptor.close());
    const refused = codeOf(client.flowAlloc('n', { timeoutMs: 5_000 }));
    await layer.advance(1_100);
    expect(await refused).toBe('FLOWRING_NO_ACCEPTOR');
  });

  test('because its backlog is full: the request waits for its turn at the IRMd, and is served', async () => {
    const { layer, client, acceptor } = await leased({ backlogMax: 2 });
    const allocs = Array.from({ length: 12 }, () => client.flowAlloc('n'));
    await layer.settle();
    const accepted: Flow[] = [];
    for (let n = 0; n < 12; n++) accepted.push(await now(layer, acceptor.accept()));
    const flows = await now(layer, Promise.all(allocs));
    expect(accepted.map(({ id }) => id).sort()).toEqual(flows.map(({ id }) => id).sort());
  });

  test('because another process serves the name too: the IRMd decides again', async () => {
    const { layer, client, acceptor } = await leased();
    const second = layer.process('second').flowAccept({ name: 'n' });
    await layer.settle();
    const accepting = Promise.race([acceptor.accept(), second.accept()]);
    const [a] = await now(layer, Promise.all([client.flowAlloc('n'), accepting]));
    expect(isLeased(a)).toBe(false);
  });
});

describe('a server that dies while it is asked', () => {
  test('does not keep the request from the server that follows', async () => {
    const layer = createTestLayer({ clock: 'virtual', latencyUs: 1_000 });
    const client = layer.process('client');
    const server = layer.process('server');
    layer.createName('n');
    const acceptor = server.flowAccept({ name: 'n' });
    await layer.advance(10);
    const first = client.flowAlloc('n');
    await layer.advance(10);
    await now(layer, Promise.all([first, acceptor.accept()]));
    const asking = client.flowAlloc('n');
    await layer.settle();
    layer.kill(server);
    await layer.advance(10);
    const next = layer.process('next').flowAccept.once({ name: 'n' });
    await layer.advance(100);
    expect((await next).id).toBe((await asking).id);
  });
});

describe('a client that gives up while the server is asked', () => {
  test.each([
    ['by timeout', 'FLOWRING_TIMEOUT'],
    ['by abort', 'FLOWRING_ABORTED'],
  ] as const)('%s: the server is left with a flow that ends, and nothing stays', async (how, code) => {
    const layer = createTestLayer({ clock: 'virtual', latencyUs: 10_000 });
    const client = layer.process('client');
    const acceptor = layer.process('server').flowAccept({ name: 'n' });
    await layer.advance(10);
    const first = client.flowAlloc('n');
    await layer.advance(50);
    const ends = [await now(layer, first), await now(layer, acceptor.accept())];
    const controller = new AbortController();
    const options = how === 'by timeout' ? { timeoutMs: 15 } : { signal: controller.signal };
    const outcome = codeOf(client.flowAlloc('n', options));
    await layer.advance(14);
    controller.abort();
    await layer.advance(30);
    expect(await outcome).toBe(code);
    const orphan = await now(layer, acceptor.accept());
    const reading = codeOf(orphan.read());
    await layer.advance(30);
    expect(await reading).toBe('FLOWRING_FLOW_DOWN');
    const leaving = Promise.all([orphan, ...ends].map((flow) => flow.dealloc()));
    await layer.advance(50);
    await leaving;
    expect(layer.counts).toEqual({ flows: 0, pendingAllocs: 0, acceptors: 1 });
  });
});

import { describe, expect, test } from '@jest/globals';
import type { Flow } from '../src/index.ts';
import { createTestLayer } from '../src/testing.ts';
import { codeOf, eventually, pair, text } from './support.ts';

const NAME = 'echo';

function world() {
  const layer = createTestLayer();
  return { layer, client: layer.process('client'), server: layer.process('server') };
}

describe('flowAlloc', () => {
  test('rejects an unknown name', async () => {
    const { client } = world();
    expect(await codeOf(client.flowAlloc('nobody'))).toBe('FLOWRING_NAME_UNKNOWN');
  });

  test.each([
    ['a bad QoS', { qos: { delay: -1 } as never }, 'FLOWRING_BAD_QOS'],
    ['an unknown cube', { qos: 'best' as never }, 'FLOWRING_BAD_QOS'],
    ['data that is too large', { data: Buffer.alloc(16_385) }, 'FLOWRING_INVALID_ARGUMENT'],
    ['a bad layer', { layer: '' }, 'FLOWRING_INVALID_ARGUMENT'],
  ] as const)('rejects %s without asking anybody', async (_what, options, code) => {
    const { client } = world();
    expect(await codeOf(client.flowAlloc(NAME, options))).toBe(code);
  });

  test('rejects with the timeout it was given and leaves nothing', async () => {
    const { layer, client } = world();
    layer.createName(NAME);
    expect(await codeOf(client.flowAlloc(NAME, { timeoutMs: 20 }))).toBe('FLOWRING_TIMEOUT');
    await eventually(() => layer.counts.pendingAllocs === 0, 'the request is cancelled');
  });

  test('rejects with the reason of an abort as cause and leaves nothing, nor a listener', async () => {
    const { layer, client } = world();
    layer.createName(NAME);
    const controller = new AbortController();
    const allocating = client.flowAlloc(NAME, { signal: controller.signal });
    await eventually(() => layer.counts.pendingAllocs === 1, 'the request is there');
    const reason = new Error('changed my mind');
    controller.abort(reason);
    await expect(allocating).rejects.toMatchObject({ code: 'FLOWRING_ABORTED', cause: reason });
    await eventually(() => layer.counts.pendingAllocs === 0, 'the request is cancelled');
  });

  test('waits within the grace for a server that comes later', async () => {
    const { layer, client, server } = world();
    layer.createName(NAME);
    const allocating = client.flowAlloc(NAME);
    await eventually(() => layer.counts.pendingAllocs === 1, 'the request is there');
    const accepted = await server.flowAccept.once({ name: NAME });
    expect((await allocating).id).toBe(accepted.id);
  });

  test('carries a first message to the acceptor, with name, QoS and peer', async () => {
    const { layer, client, server } = world();
    layer.createName(NAME);
    const accepting = server.flowAccept.once({ name: NAME });
    const flow = await client.flowAlloc(NAME, { qos: 'data', data: Buffer.from('hello') });
    const accepted = await accepting;
    expect(accepted.data?.toString()).toBe('hello');
    expect(accepted.name).toBe(NAME);
    expect(accepted.qos.loss).toBe(0);
    expect(accepted.peer).toMatchObject({ pid: client.pid, program: 'client' });
    expect(flow.peer).toMatchObject({ pid: server.pid, program: 'server' });
  });

  test('turns away a flow that is allocated after the caller gave up', async () => {
    const { layer, client, server } = world();
    const acceptor = server.flowAccept({ name: NAME });
    await eventually(() => layer.counts.acceptors === 1, 'the server accepts');
    const controller = new AbortController();
    const allocating = codeOf(client.flowAlloc(NAME, { signal: controller.signal }));
    await eventually(() => layer.counts.flows === 1, 'the flow exists');
    controller.abort();
    if ((await allocating) === 'FLOWRING_ABORTED') {
      const flow = await acceptor.accept();
      expect(await codeOf(flow.read())).toBe('FLOWRING_FLOW_DOWN');
      await flow.dealloc();
      await eventually(() => layer.counts.flows === 0, 'nothing is left');
    }
    await acceptor.close();
  });

  test('refuses to join a broadcast layer yet', async () => {
    expect(await codeOf(world().client.flowJoin('layer'))).toBe('FLOWRING_NOT_SUPPORTED');
  });
});

describe('flowAccept', () => {
  test('gives flows in the order of their requests, to 64 clients at once', async () => {
    const { layer, server } = world();
    const acceptor = server.flowAccept({ name: NAME, backlogMax: 3 });
    const clients = Array.from({ length: 64 }, (_, i) => layer.process(`c${i}`));
    const flows = clients.map((client, i) => client.flowAlloc(NAME, { data: Buffer.from([i]) }));
    const order: number[] = [];
    for await (const flow of acceptor) {
      order.push(flow.data![0]!);
      if (order.length === 64) break;
    }
    await Promise.all(flows);
    expect(order).toEqual([...Array(64).keys()]);
  });

  test('accepts one flow with `once`, and none after it', async () => {
    const { layer, client, server } = world();
    const accepting = server.flowAccept.once({ name: NAME });
    await eventually(() => layer.counts.acceptors === 1, 'the server accepts');
    await client.flowAlloc(NAME);
    await accepting;
    await eventually(() => layer.counts.acceptors === 0, 'the acceptor is closed');
  });

  test('times out, and the next accept of the name works', async () => {
    const { layer, client, server } = world();
    expect(await codeOf(server.flowAccept.once({ name: NAME, timeoutMs: 10 }))).toBe('FLOWRING_TIMEOUT');
    await eventually(() => layer.counts.acceptors === 0, 'the acceptor is closed');
    const accepting = server.flowAccept.once({ name: NAME });
    await client.flowAlloc(NAME);
    expect((await accepting).name).toBe(NAME);
  });

  test('keeps a flow that came while the wait timed out for the next accept', async () => {
    const layer = createTestLayer({ clock: 'virtual' });
    const [client, server] = [layer.process(), layer.process()];
    layer.createName(NAME);
    const first = codeOf(server.flowAccept.once({ name: NAME, timeoutMs: 10 }));
    await layer.settle();
    await layer.advance(9.999);
    const allocating = client.flowAlloc(NAME);
    // The request reaches the IRMd in the microsecond in which the accept ends.
    await layer.advance(0.001);
    await layer.settle();
    const outcome = await first;
    if (outcome === 'resolved') return;
    const second = server.flowAccept.once({ name: NAME, timeoutMs: 500 });
    await layer.advance(1);
    expect((await second).id).toBe((await allocating).id);
  });

  test('ends its loop when closed, and turns away the flows nobody took', async () => {
    const { layer, client, server } = world();
    const acceptor = server.flowAccept({ name: NAME });
    await eventually(() => layer.counts.acceptors === 1, 'the server accepts');
    const flow = await client.flowAlloc(NAME);
    await eventually(() => acceptor.length === 1, 'it waits');
    await acceptor.close();
    expect(await codeOf(flow.read())).toBe('FLOWRING_FLOW_DOWN');
    const taken: Flow[] = [];
    for await (const one of acceptor) taken.push(one);
    expect(taken).toEqual([]);
  });

  test('rejects a waiting accept when its signal aborts', async () => {
    const { server } = world();
    const controller = new AbortController();
    const accepting = codeOf(server.flowAccept({ name: NAME, signal: controller.signal }).accept());
    controller.abort();
    expect(await accepting).toBe('FLOWRING_ABORTED');
  });

  test('lets a server answer with data, or refuse with a code', async () => {
    const { client, server } = world();
    const acceptor = server.flowAccept({ name: NAME, decide: true });
    await server.bind(NAME);
    const first = client.flowAlloc(NAME, { data: Buffer.from('please') });
    const incoming = await acceptor.accept();
    expect(incoming.data?.toString()).toBe('please');
    const far = await incoming.accept({ data: Buffer.from('welcome') });
    const near = await first;
    expect(near.answer?.toString()).toBe('welcome');
    await near.write(Buffer.from('x'));
    expect(text(await far.read())).toBe('x');
    expect(await codeOf(incoming.accept())).toBe('FLOWRING_NOT_ALLOCATED');

    const second = codeOf(client.flowAlloc(NAME));
    (await acceptor.accept()).refuse('FLOWRING_PERMISSION');
    expect(await second).toBe('FLOWRING_PERMISSION');
    await acceptor.close();
  });

  test('tells a server that decides when the client gave up', async () => {
    const { layer, client, server } = world();
    const acceptor = server.flowAccept({ name: NAME, decide: true });
    await server.bind(NAME);
    const controller = new AbortController();
    const allocating = codeOf(client.flowAlloc(NAME, { signal: controller.signal }));
    const incoming = await acceptor.accept();
    controller.abort();
    expect(await allocating).toBe('FLOWRING_ABORTED');
    await eventually(() => incoming.withdrawn !== undefined, 'it is withdrawn');
    expect(await codeOf(incoming.accept())).toBe('FLOWRING_ABORTED');
    expect(layer.counts.flows).toBe(0);
    await acceptor.close();
  });
});

describe('a restart of the IRMd', () => {
  test('leaves flows alone and resumes accepting', async () => {
    const { layer, client, server, a, b } = await pair('data');
    const acceptor = server.flowAccept({ name: 'echo' });
    await eventually(() => layer.counts.acceptors === 1, 'the server accepts');
    layer.restartIrmd();
    await a.write(Buffer.from('still'));
    expect(text(await b.read())).toBe('still');
    await eventually(() => layer.counts.acceptors === 1, 'the server accepts again');
    const [fresh, taken] = await Promise.all([client.flowAlloc('echo'), acceptor.accept()]);
    await fresh.write(Buffer.from('new'));
    expect(text(await taken.read())).toBe('new');
    await a.dealloc();
    expect(await b.read()).toBeNull();
    await acceptor.close();
  });

  test('fails the allocations that were pending', async () => {
    const { layer, client } = world();
    layer.createName(NAME);
    const allocating = codeOf(client.flowAlloc(NAME));
    await eventually(() => layer.counts.pendingAllocs === 1, 'the request is there');
    layer.restartIrmd();
    expect(await allocating).toBe('FLOWRING_IRMD_UNREACHABLE');
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import { until } from '../scenarios/until.mjs';
import type { Agent, PrivateDaemon } from './flows-support.ts';
import { Agents, LAYER, PATHS, codeOf, descriptorsOf, flowCount, settles } from './flows-support.ts';

describe.each(PATHS)('an allocation over $path', ({ via }) => {
  let daemon: PrivateDaemon;
  let agents: Agents;
  let server: Agent;
  let client: Agent;
  let descriptors: Map<number, number>;
  let flows: number;

  beforeAll(async () => {
    daemon = await startPrivateDaemon({ layer: LAYER });
  });
  afterAll(() => daemon.stop());

  // One flow stays open between the two, so that a channel that comes late is not counted as left behind.
  beforeEach(async () => {
    agents = new Agents(daemon.env);
    server = await agents.startServer(daemon, 'decided', 'serveDecide');
    client = await agents.start();
    const opening = client.call('alloc', 'decided', via);
    await requestArrived();
    const [served, opened] = [await server.call('answer'), await opening];
    await client.call('write', opened, 'is the channel up?');
    await server.call('read', served);
    await server.call('write', served, 'it is');
    await client.call('read', opened);
    descriptors = new Map([server.pid!, client.pid!].map((pid) => [pid, descriptorsOf(pid)]));
    flows = await flowCount(daemon);
    expect(flows).toBeGreaterThan(0);
  });
  afterEach(async () => {
    await agents.stop();
    await settles(daemon, { flows: 0, descriptors: new Map() });
  });

  const alloc = (name: string, options: object): Promise<string | null> =>
    codeOf(client.call('alloc', name, { ...via, ...options }));
  const requestArrived = (): Promise<unknown> =>
    until(async () => (await server.call('requests')).length === 1, 'the request is offered');
  const onlyTheFirstFlowIsLeft = (): Promise<void> => settles(daemon, { flows, descriptors });
  const isWithdrawn = (): Promise<unknown> =>
    until(async () => (await server.call('requests'))[0].withdrawn !== undefined, 'the request is withdrawn');

  test('to an unknown name fails, and leaves nothing', async () => {
    expect(await alloc('nobody-knows-it', {})).toBe('FLOWRING_NAME_UNKNOWN');
    await onlyTheFirstFlowIsLeft();
  });

  test('to a name nobody serves fails, and leaves nothing', async () => {
    await daemon.irm('name', 'create', 'unserved').catch(() => undefined);
    await daemon.irm('name', 'register', 'unserved', '--layer', LAYER);
    expect(await alloc('unserved', {})).toBe('FLOWRING_NO_ACCEPTOR');
    await onlyTheFirstFlowIsLeft();
  });

  test('to a program that binds and never accepts ends with its timeout, and leaves nothing', async () => {
    const idle = await agents.start();
    await idle.call('bind', 'idle');
    await daemon.irm('name', 'register', 'idle', '--layer', LAYER);
    expect(['FLOWRING_TIMEOUT', 'FLOWRING_NO_ACCEPTOR']).toContain(await alloc('idle', { timeoutMs: 300 }));
    await onlyTheFirstFlowIsLeft();
  });

  test('that is not decided ends with its timeout, is withdrawn, and leaves nothing', async () => {
    const outcome = alloc('decided', { timeoutMs: 300 });
    await requestArrived();
    expect(await outcome).toBe('FLOWRING_TIMEOUT');
    await isWithdrawn();
    expect(await codeOf(server.call('answer'))).toMatch(/^FLOWRING_/);
    await onlyTheFirstFlowIsLeft();
  });

  test('that is refused has the code of the refusal, and leaves nothing', async () => {
    const outcome = alloc('decided', {});
    await requestArrived();
    await server.call('refuse', 'FLOWRING_AUTH');
    expect(await outcome).toBe('FLOWRING_AUTH');
    await onlyTheFirstFlowIsLeft();
  });

  test('that was aborted before it began leaves nothing', async () => {
    expect(await alloc('decided', { abortAfterMs: 0 })).toBe('FLOWRING_ABORTED');
    await onlyTheFirstFlowIsLeft();
  });

  test('that is aborted on its way, at many moments, leaves nothing', async () => {
    for (let ms = 1; ms <= 12; ms++) {
      expect(await alloc('decided', { abortAfterMs: ms })).toBe('FLOWRING_ABORTED');
    }
    await onlyTheFirstFlowIsLeft();
  });

  test('that is aborted after the offer is withdrawn, and leaves nothing', async () => {
    const outcome = alloc('decided', { abortAfterMs: 300 });
    await requestArrived();
    expect(await outcome).toBe('FLOWRING_ABORTED');
    await isWithdrawn();
    await onlyTheFirstFlowIsLeft();
  });

  test('whose server dies before it decides fails, and leaves nothing', async () => {
    const outcome = alloc('decided', { timeoutMs: 5_000 });
    await requestArrived();
    server.kill9();
    expect(await outcome).toMatch(/^FLOWRING_(NO_ACCEPTOR|REFUSED|PEER_GONE|NAME_UNKNOWN|TIMEOUT)$/);
    await until(async () => (await daemon.irmJson('process', 'list')).every(isOther), 'the server is gone');
    await until(
      () => descriptorsOf(client.pid!) <= descriptors.get(client.pid!)!,
      'the client closed what it had',
    );
    await client.stop();
    await settles(daemon, { flows: 0, descriptors: new Map() });
  });

  const isOther = (row: { pid: number }): boolean => row.pid !== server.pid;

  test('carries a first message there and one back with the answer', async () => {
    const opening = client.call('alloc', 'decided', { ...via, data: 'who are you?' });
    await requestArrived();
    expect(await server.call('requests')).toMatchObject([{ name: 'decided', data: 'who are you?' }]);
    const accepted = await server.call('answer', 'a server');
    const flow = await opening;
    expect(await client.call('look', flow)).toMatchObject({ answer: 'a server', isOpen: true });
    expect(await server.call('look', accepted)).toMatchObject({ data: 'who are you?', isOpen: true });
    await client.call('write', flow, 'hello');
    expect(await server.call('read', accepted)).toMatchObject({ text: 'hello' });
    await client.call('dealloc', flow);
    await server.call('dealloc', accepted);
    await onlyTheFirstFlowIsLeft();
  });
});

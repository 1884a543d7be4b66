import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { crowd } from '../scenarios/crowd.mjs';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import type { PrivateDaemon } from './flows-support.ts';
import { Agents, flowCount, settles } from './flows-support.ts';
import { until } from '../scenarios/until.mjs';

describe('many allocations at once', () => {
  let daemon: PrivateDaemon;
  let agents: Agents;
  beforeAll(async () => {
    daemon = await startPrivateDaemon();
  });
  afterAll(() => daemon.stop());
  beforeEach(() => {
    agents = new Agents(daemon.env);
  });
  afterEach(() => agents.stop());

  test('all succeed: 16 programs, 4 flows each, one server', async () => {
    const outcomes = await crowd({ daemon, clients: 16, flowsEach: 4 });
    expect(outcomes).toEqual(Array.from({ length: 64 }, () => 'ok'));
    await settles(daemon, { flows: 0, descriptors: new Map() });
  });

  test('are accepted in the order they were asked for by a server that takes one at a time', async () => {
    const [server, client] = [await agents.start(), await agents.start()];
    await server.call('bind', 'queue');
    const accepted = server.call('acceptInOrder', 'queue', 64);
    expect(await client.call('allocInOrder', 'queue', 64)).toBe(64);
    expect(await accepted).toEqual(Array.from({ length: 64 }, (_, i) => String(i)));
  });
  test('are accepted in the order in which the requests of sixteen programs arrived', async () => {
    const server = await agents.start();
    await server.call('bind', 'line');
    const clients = await Promise.all(Array.from({ length: 16 }, () => agents.start()));
    const allocs: Promise<unknown>[] = [];
    for (const client of clients) {
      allocs.push(client.call('alloc', 'line', { data: String(client.pid) }));
      await until(async () => (await flowCount(daemon)) === allocs.length, 'the request waits at the daemon');
    }
    const accepted = server.call('acceptInOrder', 'line', clients.length);
    await Promise.all(allocs);
    expect(await accepted).toEqual(clients.map(({ pid }) => String(pid)));
  });
});

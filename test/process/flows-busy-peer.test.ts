import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import type { PrivateDaemon } from './flows-support.ts';
import { Agents, LAYER, PATHS } from './flows-support.ts';

const BUSY_MS = 10_000;
/** Far below the time the peer is busy: only a peer that is gone may count as gone. */
const PEER_TIMEOUT_MS = 2_000;
const CASES = PATHS.flatMap(({ path, via }) => (['raw', 'data'] as const).map((qos) => ({ path, via, qos })));

describe('a peer', () => {
  let daemon: PrivateDaemon;
  let agents: Agents;
  beforeAll(async () => {
    daemon = await startPrivateDaemon({ layer: LAYER });
  });
  afterAll(() => daemon.stop());
  beforeEach(() => {
    agents = new Agents(daemon.env);
  });
  afterEach(() => agents.stop());

  test('whose loop is blocked for 10 s is not declared dead, and answers then', async () => {
    const server = await agents.startServer(daemon, 'busy', 'serveEcho');
    const client = await agents.start();
    const ids: number[] = [];
    for (const { qos, via } of CASES) {
      const spec = { ...qosCubes[qos], timeout: PEER_TIMEOUT_MS };
      ids.push(await client.call('alloc', 'busy', { qos: spec, ...via }));
    }
    const began = performance.now();
    await server.call('busy', BUSY_MS);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const id of ids) await client.call('write', id, `flow ${id}`);
    const replies = await Promise.all(ids.map((id) => client.call('read', id, { timeoutMs: 30_000 })));
    expect(performance.now() - began).toBeGreaterThan(BUSY_MS);
    expect(replies.map(({ text, code }) => text ?? code)).toEqual(ids.map((id) => `flow ${id}`));
  });

  test('is not declared dead when the IPC process between was stopped for longer than its timeout', async () => {
    await agents.startServer(daemon, 'stalled', 'serveEcho');
    const client = await agents.start();
    const spec = { ...qosCubes.raw, timeout: 1_000 };
    const flow = await client.call('alloc', 'stalled', { qos: spec, layer: LAYER });
    const [ipcp] = await daemon.irmJson('ipcp', 'list');
    process.kill(ipcp.pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    process.kill(ipcp.pid, 'SIGCONT');
    await client.call('write', flow, 'still there?');
    expect(await client.call('read', flow, { timeoutMs: 30_000 })).toMatchObject({ text: 'still there?' });
  });
});

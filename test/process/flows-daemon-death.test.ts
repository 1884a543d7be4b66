import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startPrivateDaemon } from '../scenarios/private-daemon.mjs';
import { until } from '../scenarios/until.mjs';
import type { Agent, PrivateDaemon } from './flows-support.ts';
import { Agents, LAYER, codeOf } from './flows-support.ts';

describe('flows', () => {
  let daemon: PrivateDaemon;
  let agents: Agents;
  beforeEach(async () => {
    daemon = await startPrivateDaemon({ layer: LAYER });
    agents = new Agents(daemon.env);
  });
  afterEach(async () => {
    await agents.stop();
    await daemon.stop();
  });

  const echo = async (client: Agent, flow: number, text: string): Promise<string> => {
    await client.call('write', flow, text);
    const reply = await client.call('read', flow, { timeoutMs: 20_000 });
    return reply.text ?? reply.code;
  };

  test('go on without the IRM daemon, and new ones come when it is back', async () => {
    await agents.startServer(daemon, 'echo', 'serveEcho');
    const client = await agents.start();
    const raw = await client.call('alloc', 'echo', { qos: 'raw' });
    const reliable = await client.call('alloc', 'echo', { qos: 'data' });
    process.kill(daemon.pid!, 'SIGKILL');
    await daemon.exited;
    expect(await echo(client, raw, 'raw, alone')).toBe('raw, alone');
    expect(await echo(client, reliable, 'reliable, alone')).toBe('reliable, alone');
    expect(await codeOf(client.call('alloc', 'echo'))).toBe('FLOWRING_IRMD_UNREACHABLE');

    const next = await startPrivateDaemon({ dir: daemon.dir });
    try {
      // The server binds again by itself, once it has seen the new daemon.
      const flow = await until(async () => client.call('alloc', 'echo').catch(() => null), 'a new flow');
      expect(await echo(client, flow, 'new')).toBe('new');
      expect(await echo(client, raw, 'old')).toBe('old');
      await agents.stop();
    } finally {
      await next.stop();
    }
  });

  test('through a killed IPC process end with a typed error; it is started again and carries new ones', async () => {
    await agents.startServer(daemon, 'echo', 'serveEcho');
    const client = await agents.start();
    const raw = await client.call('alloc', 'echo', { qos: 'raw', layer: LAYER });
    const reliable = await client.call('alloc', 'echo', { qos: 'data', layer: LAYER });
    const reads = [raw, reliable].map((flow) => client.call('read', flow, { timeoutMs: 20_000 }));
    const [ipcp] = await daemon.irmJson('ipcp', 'list');
    process.kill(ipcp.pid, 'SIGKILL');
    for (const read of reads) {
      const { code } = await read;
      expect(['FLOWRING_PEER_GONE', 'FLOWRING_FLOW_DOWN', 'FLOWRING_CHANNEL', 'FLOWRING_IPCP']).toContain(
        code,
      );
    }
    const flow = await until(
      async () => client.call('alloc', 'echo', { layer: LAYER }).catch(() => null),
      'a new flow through the layer',
    );
    expect(await client.call('look', flow)).toMatchObject({ layer: LAYER });
    expect(await echo(client, flow, 'again')).toBe('again');
    expect(fs.existsSync(`/proc/${ipcp.pid}`)).toBe(false);
  });
});

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { DaemonUnderTest, until } from './irmd-support.ts';

interface FlowRow {
  readonly flow: number;
  readonly peer: string | null;
  readonly heardMs: number | null;
}

/** Two daemons whose udp layers reach each other, and a flow between them. */
describe('two daemons with a udp layer', () => {
  let here: DaemonUnderTest;
  let there: DaemonUnderTest;
  let metricsPort: number;
  let port: number;

  beforeEach(async () => {
    here = new DaemonUnderTest();
    there = new DaemonUnderTest();
    port = await freePort();
    metricsPort = await freePort();
    const file = join(here.dir, 'irmd.toml');
    writeFileSync(file, `[metrics]\nlisten = "127.0.0.1:${metricsPort}"\n`);
    await there.start(...layer('127.0.0.2', []));
    await here.start('--config', file, ...layer('127.0.0.1', [`127.0.0.2:${port}`]));
  });
  afterEach(async () => {
    await here.end();
    await there.end();
  });

  function layer(host: string, peers: readonly string[]): readonly string[] {
    const sets = [`host=${host}`, `port=${port}`, `peers=${JSON.stringify(peers)}`];
    return ['--layer', 'net', '--type', 'udp', ...sets.flatMap((one) => ['--set', one])];
  }

  test('show the flow between them, its peer and when it was heard, and count what they do', async () => {
    const server = await there.connect('server');
    server.control.send({ t: 'accept', acceptor: 1, name: 'far', add: 1, decide: false });
    await until('the name is there', async () => (await there.json<unknown[]>('name', 'list')).length === 1);
    await there.irm('name', 'register', 'far', '--layer', 'net');
    const client = await here.connect('client');
    const req = client.control.nextRequestId();
    client.control.send({ t: 'alloc', req, name: 'far', qos: qosCubes.raw, timeoutMs: 20_000 });
    await until('the flow is allocated', () => client.got.some((message) => message.t === 'allocated'));

    const [row] = await here.json<FlowRow[]>('flow', 'list');
    expect(row).toMatchObject({ layer: 'net', peer: `127.0.0.2:${port}`, heardMs: expect.any(Number) });
    expect((await here.irm('flow', 'list')).out).toContain(`127.0.0.2:${port}`);
    expect(await there.json<FlowRow[]>('flow', 'list')).toMatchObject([{ peer: `127.0.0.1:${port}` }]);

    const { code, out } = await here.irm('metrics');
    expect([code, out]).toEqual([0, expect.stringMatching(/^flowring_fa_pdus_sent_total\{.*\} [1-9]/m)]);
    const served = await fetchText(metricsPort, '/metrics');
    expect(served).toMatchObject({ status: 200, text: expect.stringContaining('flowring_irmd_flows 1\n') });
    expect(await fetchText(metricsPort, '/')).toMatchObject({ status: 404 });
  });
});

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((done) => socket.close(() => done()));
  return port;
}

async function fetchText(port: number, path: string): Promise<{ status: number | undefined; text: string }> {
  const request = get({ host: '127.0.0.1', port, path, agent: false });
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
}

import net from 'node:net';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { DaemonUnderTest, childrenOf, hasEnded, isAlive, channelFolderOf, until } from './irmd-support.ts';

interface IpcpRow {
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
}

describe('the IRM daemon', () => {
  let irmd: DaemonUnderTest;
  beforeEach(() => {
    irmd = new DaemonUnderTest();
  });
  afterEach(() => irmd.end());

  test('runs once in a directory, however many are started at once', async () => {
    const all = Array.from({ length: 10 }, () => irmd.startIrmd());
    await until('nine have left', () => all.filter(hasEnded).length === 9, 30_000);
    expect(all.filter((one) => one.exitCode === 3)).toHaveLength(9);
    expect(await irmd.irm('status')).toMatchObject({ code: 0 });
  });

  test('starts an IPCP again that was killed, with its layer and names', async () => {
    await irmd.start('--auto');
    await until(
      'the layer is up',
      async () => (await irmd.json<IpcpRow[]>('ipcp', 'list'))[0]?.state === 'operational',
    );
    await irmd.irm('name', 'register', 'n', '--layer', 'local');
    const [before] = await irmd.json<IpcpRow[]>('ipcp', 'list');
    process.kill(before!.pid, 'SIGKILL');
    const after = await until('it is back', async () => {
      const [row] = await irmd.json<IpcpRow[]>('ipcp', 'list');
      return row!.restarts === 1 && row!.state === 'operational' && row;
    });
    expect(after).toMatchObject({ names: 1, restarts: 1 });
  });

  test('leaves no files and no children when it is told to end', async () => {
    await irmd.start('--auto');
    const server = await irmd.connect('server');
    const client = await irmd.connect('client');
    server.control.send({ t: 'accept', acceptor: 1, name: 'n', add: 1, decide: false });
    await until('the name is there', async () => (await irmd.json<unknown[]>('name', 'list')).length === 1);
    client.control.send({
      t: 'alloc',
      req: client.control.nextRequestId(),
      name: 'n',
      qos: qosCubes.raw,
      timeoutMs: 5_000,
    });
    await until('the flow is allocated', () => client.got.some((message) => message.t === 'allocated'));
    expect(existsSync(channelFolderOf(irmd.dir))).toBe(true);
    const children = childrenOf(irmd.daemon!.pid!);
    expect(children.length).toBeGreaterThan(0);
    irmd.daemon!.kill('SIGTERM');
    await until('irmd ended', () => irmd.daemon!.exitCode !== null);
    expect(irmd.daemon!.exitCode).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
    expect(readdirSync(irmd.dir)).toEqual([]);
    expect(existsSync(channelFolderOf(irmd.dir))).toBe(false);
  });

  test('clears away what a killed daemon left, and serves', async () => {
    await irmd.start();
    irmd.daemon!.kill('SIGKILL');
    await until('irmd ended', () => hasEnded(irmd.daemon!));
    irmd.log = '';
    await irmd.start();
    expect(await irmd.irm('status')).toMatchObject({ code: 0 });
  });

  test('started with --auto ends when nobody uses it', async () => {
    await irmd.start('--auto', '--idle-exit-ms', '50');
    await until('irmd ended', () => irmd.daemon!.exitCode !== null);
    expect(irmd.daemon!.exitCode).toBe(0);
  });

  test('is not blocked by a client that connects and says nothing', async () => {
    await irmd.start();
    const silent = net.connect(join(irmd.dir, 'guard.sock'));
    await new Promise((resolve) => silent.once('connect', resolve));
    expect(await irmd.irm('status')).toMatchObject({ code: 0 });
    silent.destroy();
  });

  test('survives frames that are no messages', async () => {
    await irmd.start();
    for (const bytes of [
      Buffer.alloc(64, 0xff),
      Buffer.from([4, 0, 0, 0, 0xc1, 1, 2, 3]),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ]) {
      const rude = net.connect(join(irmd.dir, 'guard.sock'));
      rude.on('error', () => undefined);
      rude.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, 20));
      rude.destroy();
    }
    expect(await irmd.irm('status')).toMatchObject({ code: 0 });
  });

  test('refuses a configuration that is wrong, naming the key', async () => {
    const file = join(irmd.dir, 'irmd.toml');
    writeFileSync(file, '[layers.lo]\ntype = "moon"\n');
    await irmd.start('--config', file);
    expect(irmd.daemon!.exitCode).toBe(1);
    expect(irmd.log).toContain('layers.lo.type');
  });

  test('brings up what its configuration says', async () => {
    const file = join(irmd.dir, 'irmd.toml');
    writeFileSync(file, '[layers.lo]\n[names.n]\nregister = ["lo"]\n');
    await irmd.start('--config', file);
    expect(await irmd.json('name', 'list')).toMatchObject([
      { name: 'n', registrations: [{ ipcp: 'lo', layer: 'lo' }] },
    ]);
  });
});

describe('a daemon in the background', () => {
  let irmd: DaemonUnderTest;
  beforeEach(() => void (irmd = new DaemonUnderTest()));
  afterEach(() => irmd.end());

  test('serves when its starter returns, with the layer it was told of', async () => {
    const starter = irmd.startIrmd('--background', '--layer', 'l', '--type', 'udp', '--set', 'port=0');
    await until('the starter ended', () => hasEnded(starter));
    expect(starter.exitCode).toBe(0);
    expect(await irmd.json('ipcp', 'list')).toMatchObject([
      { ipcp: 'l', layer: 'l', state: 'operational', config: { port: 0 } },
    ]);
    const [{ pid }] = [await irmd.json<{ pid: number }>('status')] as const;
    await irmd.irm('stop');
    await until('the daemon ended', () => !isAlive(pid));
  });

  test('that cannot start says why, and which key is wrong', async () => {
    const starter = irmd.startIrmd('--background', '--layer', 'l', '--type', 'udp', '--set', 'prot=0');
    await until('the starter ended', () => hasEnded(starter));
    expect([starter.exitCode, irmd.log]).toEqual([1, expect.stringContaining('prot is unknown')]);
  });
});

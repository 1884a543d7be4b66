import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ACCEPTOR, DaemonUnderTest, until } from './irmd-support.ts';

describe('the irm command', () => {
  let irmd: DaemonUnderTest;
  beforeEach(async () => {
    irmd = await new DaemonUnderTest().start();
  });
  afterEach(() => irmd.end());

  test('creates, lists and destroys names', async () => {
    expect(await irmd.irm('name', 'create', 'n', '--policy', 'spillover')).toMatchObject({
      code: 0,
      out: 'created name n (spillover)\n',
    });
    expect(await irmd.json('name', 'list')).toMatchObject([{ name: 'n', policy: 'spillover' }]);
    expect(await irmd.irm('name', 'destroy', 'n')).toMatchObject({ code: 0 });
    expect(await irmd.irm('name', 'list')).toMatchObject({ code: 0, out: 'no names\n' });
  });

  test('says what failed, in words and as JSON, with exit code 1', async () => {
    const words = await irmd.irm('name', 'destroy', 'n');
    expect(words).toEqual({ code: 1, out: '', err: 'irm: no such name: n (FLOWRING_NAME_UNKNOWN)\n' });
    const { code, err } = await irmd.irm('name', 'destroy', 'n', '--json');
    expect([code, JSON.parse(err)]).toMatchObject([1, { error: { code: 'FLOWRING_NAME_UNKNOWN' } }]);
  });

  test('ends with 2 when it is used wrongly and 0 for help', async () => {
    expect(await irmd.irm('nonsense')).toMatchObject({ code: 2 });
    expect(await irmd.irm('name', 'create')).toMatchObject({ code: 2 });
    const { code, out } = await irmd.irm('name', 'create', '--help');
    expect([code, out.split('\n')[0]]).toEqual([0, 'Usage: irm name create [options] <name>']);
  });

  test('brings up a layer, registers a name in it and takes all down again', async () => {
    expect(await irmd.irm('ipcp', 'bootstrap', 'x', '--layer', 'lo', '--type', 'local')).toMatchObject({
      code: 0,
    });
    expect(await irmd.json('ipcp', 'list')).toMatchObject([{ ipcp: 'x', layer: 'lo', state: 'operational' }]);
    expect(await irmd.json('name', 'register', 'n', '--layer', 'lo')).toEqual({
      name: 'n',
      created: true,
      ipcps: ['x'],
    });
    expect(await irmd.irm('name', 'unregister', 'n', '--ipcp', 'x')).toMatchObject({ code: 0 });
    expect(await irmd.irm('name', 'unregister', 'n', '--ipcp', 'x')).toMatchObject({ code: 1 });
    expect(await irmd.irm('ipcp', 'destroy', 'x')).toMatchObject({ code: 0 });
    expect(await irmd.json('ipcp', 'list')).toEqual([]);
  });

  test('says which key of a configuration the layer does not know', async () => {
    const args = ['ipcp', 'bootstrap', 'x', '--layer', 'lo', '--type', 'local', '--set', 'port=1', '--json'];
    const { code, err } = await irmd.irm(...args);
    expect([code, JSON.parse(err)]).toMatchObject([
      1,
      { error: { code: 'FLOWRING_CONFIG', details: { key: 'port' } } },
    ]);
  });

  test('lists flows and processes, and counts them in the status', async () => {
    const server = await irmd.connect('server');
    const client = await irmd.connect('client');
    server.control.send({ t: 'accept', acceptor: 1, name: 'n', add: 1, decide: false });
    await until('the name is there', async () => (await irmd.json<unknown[]>('name', 'list')).length === 1);
    const { qosCubes } = await import('@flowring/common');
    client.control.send({
      t: 'alloc',
      req: client.control.nextRequestId(),
      name: 'n',
      qos: qosCubes.raw,
      timeoutMs: 5_000,
    });
    await until('the flow is allocated', () => client.got.some((message) => message.t === 'allocated'));
    expect(await irmd.json('flow', 'list')).toMatchObject([
      { name: 'n', state: 'allocated', path: 'direct' },
    ]);
    const programs = (await irmd.json<{ program: string }[]>('process', 'list')).map(
      ({ program }) => program,
    );
    expect(programs).toEqual(expect.arrayContaining(['server', 'client']));
    expect(await irmd.json('status')).toMatchObject({ flows: 1, channels: 1 });
  });

  test('binds a program, which is started when a request comes', async () => {
    await irmd.irm('name', 'create', 'n');
    expect(await irmd.irm('bind', 'program', ACCEPTOR, 'n', '--auto')).toMatchObject({ code: 0 });
    const { control, got } = await irmd.connect();
    const { qosCubes } = await import('@flowring/common');
    control.send({
      t: 'alloc',
      req: control.nextRequestId(),
      name: 'n',
      qos: qosCubes.raw,
      timeoutMs: 10_000,
    });
    await until('the flow is allocated', () => got.some((message) => message.t === 'allocated'));
    expect(got.at(-1)).toMatchObject({ t: 'allocated', peer: { program: 'irmd-acceptor' } });
    await until('its output is in the log', () => irmd.log.includes('irmd-acceptor.mjs: offer 1 n'));
  });

  test('binds a running process by pid', async () => {
    const server = irmd.run(ACCEPTOR, []);
    await until('it registered', async () =>
      (await irmd.json<{ pid: number }[]>('process', 'list')).some(({ pid }) => pid === server.pid),
    );
    await irmd.irm('name', 'create', 'n');
    expect(await irmd.json('bind', 'process', String(server.pid), 'n')).toMatchObject({ registered: true });
    const { control, got } = await irmd.connect();
    const { qosCubes } = await import('@flowring/common');
    control.send({
      t: 'alloc',
      req: control.nextRequestId(),
      name: 'n',
      qos: qosCubes.raw,
      timeoutMs: 10_000,
    });
    await until('the flow is allocated', () => got.some((message) => message.t === 'allocated'));
    expect(got.at(-1)).toMatchObject({ peer: { pid: server.pid } });
    expect(await irmd.irm('unbind', 'process', String(server.pid), 'n')).toMatchObject({ code: 0 });
  });

  test('shows events as they happen', async () => {
    const showing = irmd.irm('events', '--json', '--count', '1');
    let count = 0;
    let done = false;
    void showing.then(() => (done = true));
    await until('an event was shown', async () => {
      count += 1;
      await irmd.irm('name', 'create', `n${count}`);
      return done;
    });
    expect(JSON.parse((await showing).out)).toMatchObject({
      type: expect.any(String),
      seq: expect.any(Number),
    });
  });

  test('stops the daemon', async () => {
    expect(await irmd.irm('stop')).toMatchObject({ code: 0 });
    await until('irmd ended', () => irmd.daemon?.exitCode === 0);
    const after = await irmd.irm('status');
    expect([after.code, after.err]).toEqual([4, expect.stringContaining('FLOWRING_IRMD_UNREACHABLE')]);
    expect(after.err).not.toContain('    at ');
  });

  test('prints a completion script that bash understands', async () => {
    const { out } = await irmd.irm('completion', 'bash');
    const { execFileSync } = await import('node:child_process');
    const ask = `${out}\nCOMP_WORDS=(irm name c); COMP_CWORD=2; _irm; echo "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', ask]).toString()).toBe('create\n');
  });
});

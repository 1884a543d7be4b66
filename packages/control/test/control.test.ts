import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ControlMessage } from '@flowring/common';
import { LIMITS, isFlowringError } from '@flowring/common';
import { subscribeEvents } from '../src/index.ts';
import { Daemon, openDescriptors, plainEnv, startFixture, until } from './harness.ts';

let daemon: Daemon;
afterEach(async () => await daemon.end());

describe('a process that connects', () => {
  test('is attested with the pid, uid and start time the kernel knows', async () => {
    daemon = await Daemon.start();
    await daemon.connect({ program: 'me', path: '/bin/me', channels: ['shm', 'unix'], token: 'tok' });
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const startTicks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    expect(daemon.processes).toEqual([
      {
        process: 1,
        pid: process.pid,
        uid: process.getuid!(),
        gid: process.getgid!(),
        startTicks,
        kind: 'app',
        program: 'me',
        path: '/bin/me',
        channels: ['shm', 'unix'],
        token: 'tok',
      },
    ]);
    expect(startTicks).toBeGreaterThan(0);
  });

  test('is told who the daemon is', async () => {
    daemon = await Daemon.start();
    const { welcome } = await daemon.connect();
    expect(welcome).toEqual({
      process: 1,
      version: 1,
      daemonPid: process.pid,
      instance: daemon.server.instance,
    });
  });

  test('is refused with FLOWRING_TOO_MANY when the daemon does not take it', async () => {
    daemon = await Daemon.start();
    daemon.accept = false;
    await expect(daemon.connect()).rejects.toMatchObject({ code: 'FLOWRING_TOO_MANY' });
    expect(daemon.server.stats).toMatchObject({ processes: 0, hellosRefused: 1 });
  });

  test('gets no message before it has its client', async () => {
    daemon = await Daemon.start();
    daemon.onProcess = (one) => {
      setImmediate(() => daemon.server.send(one.process, { t: 'peer-gone', channel: 7 }));
      return true;
    };
    let has = false;
    const order: boolean[] = [];
    await daemon.connect({ onMessage: () => order.push(has) });
    has = true;
    await until(() => order.length === 1);
    expect(order).toEqual([true]);
  });

  test('rejects FLOWRING_IRMD_UNREACHABLE when no daemon runs, and says what to run', async () => {
    daemon = await Daemon.start();
    await daemon.server.stop();
    const error: unknown = await daemon.connect().catch((e: unknown) => e);
    expect(isFlowringError(error, 'FLOWRING_IRMD_UNREACHABLE')).toBe(true);
    expect((error as Error).message).toContain('irmd');
  });

  test('rejects FLOWRING_ABORTED when its signal is', async () => {
    daemon = await Daemon.start();
    await expect(daemon.connect({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'FLOWRING_ABORTED',
    });
    await until(() => daemon.server.stats.processes === 0);
  });
});

describe('requests', () => {
  test('1,000 at once are answered, each with its own answer', async () => {
    daemon = await Daemon.start();
    daemon.answer = (message) => ({ t: 'ok', req: message.req, value: (message as { name?: string }).name });
    const client = await daemon.connect();
    const names = Array.from({ length: 1_000 }, (_, i) => `name-${i}`);
    const answers = await Promise.all(names.map((name) => client.request({ t: 'name-create', name })));
    expect(answers).toEqual(names);
  });

  test('a typed error of the daemon arrives with its code, message and details', async () => {
    daemon = await Daemon.start();
    daemon.answer = ({ req }) => ({
      ...{ t: 'error', req, code: 'FLOWRING_EXISTS' },
      ...{ message: 'it is there', details: { name: 'x' } },
    });
    const client = await daemon.connect();
    await expect(client.request({ t: 'name-create', name: 'x' })).rejects.toMatchObject({
      code: 'FLOWRING_EXISTS',
      message: 'it is there',
      details: { name: 'x' },
    });
  });

  test('an answer of a megabyte arrives whole', async () => {
    daemon = await Daemon.start();
    const value = Array.from({ length: 20_000 }, (_, i) => ({
      flow: i,
      name: `a flow with the number ${i}`,
    }));
    daemon.answer = ({ req }) => ({ t: 'ok', req, value });
    const client = await daemon.connect();
    expect(await client.request({ t: 'flow-list' })).toEqual(value);
  });

  test('one that times out rejects FLOWRING_TIMEOUT, sends its cancel, and leaves the lane usable', async () => {
    daemon = await Daemon.start();
    daemon.answer = () => undefined;
    const client = await daemon.connect();
    await expect(client.request({ t: 'status' }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'FLOWRING_TIMEOUT',
    });
    await until(() => daemon.messages.some(({ message }) => message.t === 'cancel'));
    daemon.answer = ({ req }) => ({ t: 'ok', req, value: 1 });
    expect(await client.request({ t: 'status' })).toBe(1);
  });

  test('one that is aborted rejects FLOWRING_ABORTED with the reason, and its late answer is dropped', async () => {
    daemon = await Daemon.start();
    const late: ControlMessage[] = [];
    daemon.answer = ({ req }) => {
      late.push({ t: 'ok', req, value: 'late' });
      return undefined;
    };
    const client = await daemon.connect();
    const abort = new AbortController();
    const asked = client.request({ t: 'status' }, { signal: abort.signal });
    await until(() => late.length === 1);
    abort.abort('enough');
    await expect(asked).rejects.toMatchObject({ code: 'FLOWRING_ABORTED', cause: 'enough' });
    daemon.server.send(1, late[0]!);
    daemon.answer = ({ req }) => ({ t: 'ok', req, value: 'new' });
    expect(await client.request({ t: 'status' })).toBe('new');
  });

  test('one that waits when the daemon stops rejects FLOWRING_IRMD_UNREACHABLE', async () => {
    daemon = await Daemon.start();
    daemon.answer = () => undefined;
    let closes = 0;
    const client = await daemon.connect({ onClose: () => closes++ });
    const asked = client.request({ t: 'status' });
    const outcome = expect(asked).rejects.toMatchObject({ code: 'FLOWRING_IRMD_UNREACHABLE' });
    await until(() => daemon.messages.length === 1);
    await daemon.server.stop();
    await outcome;
    await until(() => closes === 1);
    expect(client.isOpen).toBe(false);
    await expect(client.request({ t: 'status' })).rejects.toMatchObject({
      code: 'FLOWRING_IRMD_UNREACHABLE',
    });
  });

  test('a reply sent just before the daemon stops still arrives', async () => {
    daemon = await Daemon.start();
    daemon.answer = ({ req }) => {
      setImmediate(() => void daemon.server.stop());
      return { t: 'ok', req, value: 'bye' };
    };
    const client = await daemon.connect();
    const asked = client.request({ t: 'shutdown' }).catch((error: { code: string }) => error.code);
    expect(['bye', 'FLOWRING_IRMD_UNREACHABLE']).toContain(await asked);
  });

  test('after the zeromq lane fell idle and closed, the next request opens it again', async () => {
    daemon = await Daemon.start();
    const client = await daemon.connect();
    await client.request({ t: 'status' });
    const open = openDescriptors();
    await until(() => openDescriptors() < open);
    expect(await client.request({ t: 'status' })).toBe('done');
  });
});

describe('the lifeline', () => {
  test('10,000 messages of one turn arrive in order, both ways', async () => {
    daemon = await Daemon.start();
    const got: number[] = [];
    const client = await daemon.connect({ onMessage: (m) => got.push((m as { channel: number }).channel) });
    const wanted = Array.from({ length: 10_000 }, (_, i) => i);
    for (const channel of wanted) client.send({ t: 'channel-up', channel });
    await until(() => daemon.messages.length === wanted.length);
    expect(daemon.messages.map(({ message }) => (message as { channel: number }).channel)).toEqual(wanted);
    for (const channel of wanted) daemon.server.send(1, { t: 'peer-gone', channel });
    await until(() => got.length === wanted.length);
    expect(got).toEqual(wanted);
  });

  test('its close by the client is told once, after its last message', async () => {
    daemon = await Daemon.start();
    const order: string[] = [];
    daemon.onMessage = (_, message) => order.push(message.t);
    daemon.onGone = (gone) => order.push(`gone ${gone}`);
    const client = await daemon.connect();
    client.send({ t: 'dealloc', flow: 1 });
    client.send({ t: 'dealloc', flow: 2 });
    await client.close();
    await until(() => order.length === 3);
    expect(order).toEqual(['dealloc', 'dealloc', 'gone 1']);
  });

  test('drop ends a process, and onGone follows', async () => {
    daemon = await Daemon.start();
    let closes = 0;
    await daemon.connect({ onClose: () => closes++ });
    daemon.server.drop(1);
    await until(() => daemon.gone.length === 1 && closes === 1);
    expect(daemon.server.send(1, { t: 'peer-gone', channel: 1 })).toBe(false);
  });

  test('kill -9 of a process is told once', async () => {
    daemon = await Daemon.start();
    const { child, first } = await startFixture('app.mjs', [daemon.dir]);
    expect(daemon.processes[0]!.pid).toBe(first['pid']);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    await until(() => daemon.gone.length > 0);
    expect(daemon.gone).toEqual([1]);
    expect(daemon.server.stats.processes).toBe(0);
  });

  test('a process that does not read is dropped at the bound', async () => {
    daemon = await Daemon.start();
    const { child } = await startFixture('app.mjs', [daemon.dir]);
    child.kill('SIGSTOP');
    const data = new Uint8Array(16_000);
    const answer = { t: 'answer', flow: 1, data } as const;
    let sent = 0;
    while (daemon.server.send(1, answer)) sent++;
    expect(sent * data.length).toBeGreaterThan(LIMITS.lifelineBufferedMaxBytes * 0.9);
    expect(sent * data.length).toBeLessThan(LIMITS.lifelineBufferedMaxBytes * 1.2);
    await until(() => daemon.gone.length === 1);
    expect(daemon.server.stats.processesDropped).toBe(1);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  });
});

describe('a connection', () => {
  test('leaves no descriptor behind', async () => {
    daemon = await Daemon.start();
    await (await daemon.connect()).close();
    await until(() => daemon.gone.length === 1);
    const before = openDescriptors();
    for (let i = 0; i < 20; i++) await (await daemon.connect()).close();
    await until(() => daemon.gone.length === 21 && openDescriptors() <= before);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });

  test('that was let go does not keep its program alive', async () => {
    daemon = await Daemon.start();
    const idle = join(import.meta.dirname, 'fixtures', 'idle.mjs');
    const child = fork(idle, [daemon.dir], { env: plainEnv(), execArgv: [] });
    child.disconnect();
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
    expect(daemon.processes).toHaveLength(1);
    await until(() => daemon.gone.length === 1);
  });
});

describe('events', () => {
  test('published after the subscription stands arrive with counted numbers, and end with the signal', async () => {
    daemon = await Daemon.start();
    daemon.server.publish('before', {});
    const abort = new AbortController();
    const seen: unknown[] = [];
    const { dir } = daemon;
    await subscribeEvents({ dir, signal: abort.signal, onEvent: ({ seq, type }) => seen.push([seq, type]) });
    daemon.server.publish('flow-up', { flow: 1 });
    daemon.server.publish('flow-down', { flow: 1 });
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      [2, 'flow-up'],
      [3, 'flow-down'],
    ]);
    abort.abort();
  });

  test('a subscription without a daemon rejects FLOWRING_IRMD_UNREACHABLE', async () => {
    daemon = await Daemon.start();
    await daemon.server.stop();
    const { signal } = new AbortController();
    const asked = subscribeEvents({ dir: daemon.dir, signal, onEvent: () => undefined, timeoutMs: 50 });
    await expect(asked).rejects.toMatchObject({ code: 'FLOWRING_IRMD_UNREACHABLE' });
  });
});

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { CONTROL_VERSION, LIMITS, encodeControl, frameOf, packValue, unpackValue } from '@flowring/common';
import { Context, Dealer } from 'zeromq';
import { Daemon, startFixture, until } from './harness.ts';

let daemon: Daemon;
const sockets: { destroy?(): void; close?(): void }[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) (socket.destroy ?? socket.close)!.call(socket);
  await daemon.end();
});

const context = new Context({ blocky: false });

function lifeline(): Socket {
  const socket = createConnection(join(daemon.dir, 'guard.sock'));
  socket.on('error', () => undefined).resume();
  sockets.push(socket);
  return socket;
}

function dealer(id: string, routingId = id): Dealer {
  const socket = new Dealer({ context, linger: 0, routingId, plainUsername: id, receiveTimeout: 5_000 });
  socket.connect(`ipc://${join(daemon.dir, 'ctl.sock')}`);
  sockets.push(socket);
  return socket;
}

/** `once(socket, 'close')` would reject with the error that may come first. */
async function closeOf(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}

async function ask(socket: Dealer, payload: Uint8Array): Promise<Record<string, unknown>> {
  await socket.send(payload);
  const [frame] = await socket.receive();
  return unpackValue(frame!, 65_536) as Record<string, unknown>;
}

const hello = (version = CONTROL_VERSION): Record<string, unknown> => {
  const channels: string[] = [];
  return { t: 'hello', req: 1, version, kind: 'app', program: 'x', path: '/x', channels };
};

/** A registered process of which we hold both raw ends. */
async function rawProcess(): Promise<{ id: string; line: Socket; socket: Dealer }> {
  const id = randomBytes(16);
  const line = lifeline();
  line.write(frameOf(id));
  const socket = dealer(id.toString('hex'));
  expect(await ask(socket, packValue(hello()))).toMatchObject({ t: 'ok' });
  return { id: id.toString('hex'), line, socket };
}

describe('a hello', () => {
  test.each([0, 2, 99, 2 ** 40, -1])('of version %d is refused with both versions', async (version) => {
    daemon = await Daemon.start();
    const socket = dealer(randomBytes(16).toString('hex'));
    expect(await ask(socket, packValue({ t: 'hello', req: 5, version, shape: ['unknown'] }))).toMatchObject({
      t: 'error',
      req: 5,
      code: 'FLOWRING_VERSION',
      details: { daemonVersion: CONTROL_VERSION, clientVersion: version },
    });
    expect(daemon.server.stats.hellosRefused).toBe(1);
  });

  test('without a lifeline is answered after the bounded wait', async () => {
    daemon = await Daemon.start({ helloTimeoutMs: 50 });
    const socket = dealer(randomBytes(16).toString('hex'));
    expect(await ask(socket, packValue(hello()))).toMatchObject({ code: 'FLOWRING_TIMEOUT' });
    expect(daemon.processes).toHaveLength(0);
  });

  test('that is malformed is answered FLOWRING_PROTOCOL', async () => {
    daemon = await Daemon.start();
    const socket = dealer(randomBytes(16).toString('hex'));
    const bad = packValue({ ...hello(), program: 7 });
    expect(await ask(socket, bad)).toMatchObject({ code: 'FLOWRING_PROTOCOL', req: 1 });
  });

  test('may come before the lifeline', async () => {
    daemon = await Daemon.start();
    const id = randomBytes(16);
    const socket = dealer(id.toString('hex'));
    const answer = ask(socket, packValue(hello()));
    await until(() => daemon.server.stats.framesReceived === 1);
    lifeline().write(frameOf(id));
    expect(await answer).toMatchObject({ t: 'ok' });
  });
});

describe('an impersonator', () => {
  test('in another process that knows an id is not let in, and its victim is not disturbed', async () => {
    daemon = await Daemon.start();
    const { id, socket } = await rawProcess();
    const status = encodeControl({ t: 'status', req: 2 }).toString('hex');
    const { first } = await startFixture('impersonator.mjs', [join(daemon.dir, 'ctl.sock'), id, status]);
    expect(first['answer']).toBe('EAGAIN');
    expect(daemon.messages).toHaveLength(0);
    expect(await ask(socket, encodeControl({ t: 'status', req: 3 }))).toMatchObject({ t: 'ok', req: 3 });
  });

  test('with an attested name but another routing id is refused as unattested', async () => {
    daemon = await Daemon.start();
    const socket = dealer(randomBytes(16).toString('hex'), randomBytes(16).toString('hex'));
    expect(await ask(socket, packValue(hello()))).toMatchObject({ code: 'FLOWRING_PERMISSION' });
    expect(daemon.server.stats.framesUnattested).toBe(1);
  });

  test('that opens a second lifeline of one id is cut off', async () => {
    daemon = await Daemon.start();
    const { id, line } = await rawProcess();
    const second = lifeline();
    const closed = closeOf(second);
    second.write(frameOf(Buffer.from(id, 'hex')));
    await closed;
    expect(line.destroyed).toBe(false);
    expect(daemon.gone).toEqual([]);
  });
});

describe('a connection that says nothing', () => {
  test('is closed after the bound and delays nobody', async () => {
    daemon = await Daemon.start({ helloTimeoutMs: 300 });
    const mute = Array.from({ length: 50 }, lifeline);
    const half = lifeline();
    half.write(new Uint8Array([16, 0]));
    const closed = Promise.all([...mute, half].map((socket) => closeOf(socket)));
    const client = await daemon.connect();
    expect(await client.request({ t: 'status' })).toBe('done');
    await closed;
    expect(client.isOpen).toBe(true);
  });

  test('past the bound in number costs the oldest its place', async () => {
    daemon = await Daemon.start();
    const oldest = lifeline();
    await once(oldest, 'data');
    const closed = closeOf(oldest);
    for (let i = 0; i < LIMITS.unnamedConnectionsMax; i++) lifeline();
    await closed;
    expect(await (await daemon.connect()).request({ t: 'status' })).toBe('done');
  });

  test('with an id but without a hello is closed after the bound', async () => {
    daemon = await Daemon.start({ helloTimeoutMs: 50 });
    const line = lifeline();
    const closed = closeOf(line);
    line.write(frameOf(randomBytes(16)));
    await closed;
  });
});

describe('garbage', () => {
  test('10,000 random frames of a stranger on zeromq are dropped and counted', async () => {
    daemon = await Daemon.start();
    const client = await daemon.connect();
    const socket = dealer(randomBytes(16).toString('hex'));
    const before = daemon.server.stats.framesReceived;
    for (let i = 0; i < 10_000; i++) await socket.send(randomBytes(1 + (i % 64)));
    await until(() => daemon.server.stats.framesReceived >= before + 10_000);
    expect(daemon.server.stats.framesMalformed).toBe(10_000);
    expect(await client.request({ t: 'status' })).toBe('done');
  });

  test.each(['zeromq', 'lifeline'])(
    'of a registered process on %s is counted until it is dropped',
    async (lane) => {
      daemon = await Daemon.start();
      const client = await daemon.connect();
      const { line, socket } = await rawProcess();
      const closed = closeOf(line);
      for (let i = 0; i < 10_000 && !line.destroyed; i++) {
        // 0xc1 is the one byte msgpack never uses.
        const junk = Buffer.concat([Buffer.from([0xc1]), randomBytes(i % 64)]);
        if (lane === 'zeromq') await socket.send(junk);
        else line.write(frameOf(junk));
      }
      await closed;
      await until(() => daemon.gone.length === 1);
      expect(daemon.server.stats.framesMalformed).toBeGreaterThanOrEqual(LIMITS.malformedFramesMax);
      expect(daemon.server.stats.processesDropped).toBe(1);
      expect(await client.request({ t: 'status' })).toBe('done');
    },
  );

  test('10,000 streams of random bytes on the guard harm nobody', async () => {
    daemon = await Daemon.start();
    const client = await daemon.connect();
    for (let batch = 0; batch < 100; batch++) {
      const lines = Array.from({ length: 100 }, (_, i) => {
        const line = lifeline();
        line.end(randomBytes(1 + i));
        return closeOf(line);
      });
      await Promise.all(lines);
    }
    expect(await client.request({ t: 'status' })).toBe('done');
  }, 60_000);

  test('with a readable number is answered, on the lane it came', async () => {
    daemon = await Daemon.start();
    const { socket, line } = await rawProcess();
    expect(await ask(socket, packValue({ t: 'nonsense', req: 9 }))).toMatchObject({
      req: 9,
      code: 'FLOWRING_PROTOCOL',
    });
    const data = once(line, 'data') as Promise<[Buffer]>;
    line.write(frameOf(packValue({ t: 'alloc', req: 10 })));
    const [bytes] = await data;
    expect(unpackValue(bytes.subarray(4), 65_536)).toMatchObject({ req: 10, code: 'FLOWRING_PROTOCOL' });
  });

  test('a frame longer than the bound ends the lifeline', async () => {
    daemon = await Daemon.start();
    const { line } = await rawProcess();
    line.write(new Uint8Array([0xff, 0xff, 0xff, 0x7f]));
    await until(() => daemon.gone.length === 1);
    expect(daemon.server.stats.processesDropped).toBe(1);
  });

  test('a request with a number that is still unanswered counts as malformed', async () => {
    daemon = await Daemon.start();
    daemon.answer = () => undefined;
    const { socket } = await rawProcess();
    await socket.send(encodeControl({ t: 'status', req: 4 }));
    await socket.send(encodeControl({ t: 'status', req: 4 }));
    await until(() => daemon.server.stats.framesMalformed === 1);
    expect(daemon.messages).toHaveLength(1);
  });
});

describe('requests past the bound', () => {
  test('of one process are refused with FLOWRING_TOO_MANY', async () => {
    daemon = await Daemon.start();
    daemon.answer = () => undefined;
    const { socket } = await rawProcess();
    const max = LIMITS.requestsPerProcessMax;
    for (let req = 1; req <= max; req++) await socket.send(encodeControl({ t: 'status', req }));
    expect(await ask(socket, encodeControl({ t: 'status', req: max + 1 }))).toMatchObject({
      req: max + 1,
      code: 'FLOWRING_TOO_MANY',
    });
  });
});

import { once } from 'node:events';
import net from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { allOf, errorOf, LAYER, ProxyWorld } from './oproxy-support.ts';

let world: ProxyWorld;

beforeAll(async () => {
  world = await ProxyWorld.start();
});
afterEach(() => world.clean());
afterAll(() => world.daemon.stop());

const echo = (socket: Socket): void => void socket.pipe(socket);

/** A client that has had an answer through the proxy: everything is joined. */
async function joined(port: number): Promise<Socket> {
  const client = await world.connect(port);
  client.write('hello');
  await once(client, 'data');
  return client;
}

describe('a client is reset', () => {
  test('when nobody knows the name', async () => {
    const near = world.run('listen', '0', world.freshName());
    const [listening] = await near.tells('listening');
    expect(await errorOf(await world.connect(listening!['port'] as number))).toBe('ECONNRESET');
    expect(await near.tells('failed')).toMatchObject([{ code: 'FLOWRING_NAME_UNKNOWN' }]);
  });

  test.each([[[]], [['--layer', LAYER]]])('when the server refuses (%p)', async (listen) => {
    const name = world.freshName();
    const { port, near, far } = await world.proxy(await unusedPort(), { name, listen });
    if (listen.length > 0) await world.daemon.irm('name', 'register', name, '--layer', LAYER);
    expect(await errorOf(await world.connect(port))).toBe('ECONNRESET');
    expect(await near.tells('failed')).toMatchObject([{ code: 'FLOWRING_REFUSED' }]);
    expect(await far.tells('failed')).toMatchObject([{ code: 'ECONNREFUSED' }]);
    await world.noFlows();
  });

  test('when the server resets', async () => {
    let atServer: Socket | undefined;
    const { port, far } = await world.proxy(
      await world.server((socket) => {
        atServer = socket;
        echo(socket);
      }),
    );
    const client = await joined(port);
    const code = errorOf(client);
    atServer!.resetAndDestroy();
    expect(await code).toBe('ECONNRESET');
    expect(await far.tells('failed')).toMatchObject([{ code: 'ECONNRESET' }]);
    await world.noFlows();
  });

  test.each(['idle', 'sending', 'done sending'])('when the far proxy is killed, %s', async (state) => {
    const { port, near, far } = await world.proxy(await world.server(echo));
    const client = await joined(port);
    const code = errorOf(client);
    if (state === 'sending') client.write(Buffer.alloc(64 * 1_048_576));
    far.program.kill('SIGKILL');
    if (state === 'done sending') client.end();
    expect(await code).toBe('ECONNRESET');
    expect(await near.tells('failed')).toMatchObject([{ code: 'FLOWRING_PEER_GONE' }]);
    await world.noFlows();
  });

  test('when the far proxy is killed after the end of its direction, though all is silent', async () => {
    const { port, near, far } = await world.proxy(await world.server((socket) => socket.end('that is all')));
    const client = await world.connect(port);
    await allOf(client);
    far.program.kill('SIGKILL');
    expect(await near.tells('failed')).toMatchObject([{ code: 'FLOWRING_PEER_GONE' }]);
    client.write('more');
    expect(['ECONNRESET', 'EPIPE']).toContain(await errorOf(client));
    await world.noFlows();
  });
});

describe('a server is reset', () => {
  const serverSide = async (): Promise<{
    port: number;
    code: Promise<string | undefined>;
    proxy: ProxyEnds;
  }> => {
    let heard: (code: string | undefined) => void;
    const code = new Promise<string | undefined>((resolve) => (heard = resolve));
    const proxy = await world.proxy(
      await world.server((socket) => {
        socket.on('data', (chunk: Buffer) => socket.write(chunk));
        void errorOf(socket).then(heard);
      }),
    );
    return { port: proxy.port, code, proxy };
  };

  test('when the client resets', async () => {
    const { port, code } = await serverSide();
    (await joined(port)).resetAndDestroy();
    expect(await code).toBe('ECONNRESET');
    await world.noFlows();
  });

  test('when the near proxy is killed', async () => {
    const { port, code, proxy } = await serverSide();
    await joined(port);
    proxy.near.program.kill('SIGKILL');
    expect(await code).toBe('ECONNRESET');
    expect(await proxy.far.tells('failed')).toMatchObject([{ code: 'FLOWRING_PEER_GONE' }]);
    await world.noFlows();
  });
});

type ProxyEnds = Awaited<ReturnType<ProxyWorld['proxy']>>;

describe('oproxy stops', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'after %s when its connections have ended, with code 0',
    async (signal) => {
      const { port, near, far } = await world.proxy(await world.server(echo));
      const client = await joined(port);
      for (const { program } of [near, far]) program.kill(signal);
      await Promise.all([near.tells('draining'), far.tells('draining')]);
      client.end('goodbye');
      expect((await allOf(client)).toString()).toBe('goodbye');
      for (const { program } of [near, far]) expect(await program.exited).toEqual({ code: 0, signal: null });
      expect(near.lines('stopped')).toMatchObject([{ served: 1, cut: 0 }]);
      await world.noFlows();
    },
  );

  test('accepting at once', async () => {
    const { port, near } = await world.proxy(await world.server(echo));
    await joined(port);
    near.program.kill('SIGTERM');
    await near.tells('draining');
    const late = world.keep(net.connect(port, '127.0.0.1'));
    expect(await errorOf(late)).toBe('ECONNREFUSED');
  });

  test('with code 3 when it had to cut connections after its time', async () => {
    const { port, near } = await world.proxy(await world.server(echo), {
      listen: ['--drain-timeout', '50ms'],
    });
    const code = errorOf(await joined(port));
    near.program.kill('SIGTERM');
    expect(await code).toBe('ECONNRESET');
    expect(await near.program.exited).toEqual({ code: 3, signal: null });
    expect(near.lines('stopped')).toMatchObject([{ served: 1, cut: 1 }]);
    await world.noFlows();
  });

  test('with code 3 when a second signal cuts them', async () => {
    const { port, far } = await world.proxy(await world.server(echo));
    const code = errorOf(await joined(port));
    far.program.kill('SIGTERM');
    await far.tells('draining');
    far.program.kill('SIGTERM');
    expect(await code).toBe('ECONNRESET');
    expect(await far.program.exited).toEqual({ code: 3, signal: null });
  });
});

describe('oproxy does not start', () => {
  test.each([
    [['listen', '99999', 'name'], 'no port and no HOST:PORT'],
    [['listen', '0', 'name', '--qos', 'raw'], 'needs a reliable flow'],
    [['listen', '0', 'name', '--qos', 'data,speed=1'], 'Fields are delay,'],
    [['serve', 'name'], 'missing required argument'],
  ])('with %p, and ends with code 2', async (args, said) => {
    const { program } = world.run(...args);
    expect(await program.exited).toEqual({ code: 2, signal: null });
    expect(program.output).toContain(said);
  });

  test('at a port that is taken, and ends with code 1', async () => {
    const { program } = world.run('listen', String(await world.server(echo)), 'name');
    expect(await program.exited).toEqual({ code: 1, signal: null });
    expect(program.output).toMatch(/^EADDRINUSE: /);
  });
});

describe('the number of connections is bounded', () => {
  test('at the near side: one more is turned away', async () => {
    const { port, near } = await world.proxy(await world.server(echo), {
      listen: ['--max-connections', '1'],
    });
    await joined(port);
    const late = await world.connect(port);
    late.resume();
    await once(late, 'end');
    expect(await near.tells('dropped')).toMatchObject([{ code: 'FLOWRING_TOO_MANY', open: 1 }]);
  });

  test('at the far side: one more waits until there is room', async () => {
    const { port } = await world.proxy(await world.server(echo), { serve: ['--max-connections', '1'] });
    const first = await joined(port);
    const second = await world.connect(port);
    second.write('hello');
    first.end();
    await once(second, 'data');
  });
});

/** A port of this host where nobody listens. */
async function unusedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

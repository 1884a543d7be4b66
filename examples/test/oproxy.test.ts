import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { run } from '../../test/scenarios/private-daemon.mjs';
import { until } from '../../test/scenarios/until.mjs';
import { allOf, descriptorsOf, LAYER, ProxyWorld, residentBytesOf } from './oproxy-support.ts';

const MIB = 1_048_576;
let world: ProxyWorld;

beforeAll(async () => {
  world = await ProxyWorld.start();
});
afterEach(() => world.clean());
afterAll(() => world.daemon.stop());

const echo = (socket: Socket): void => void socket.pipe(socket);

/** Sends so many random bytes, then the end; resolves to their hash. */
async function sendRandom(socket: Socket, mebibytes: number): Promise<string> {
  const hash = createHash('sha256');
  for (let sent = 0; sent < mebibytes; sent++) {
    const chunk = randomBytes(MIB);
    hash.update(chunk);
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}

async function hashOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (chunk: Buffer) => hash.update(chunk));
  await once(socket, 'end');
  return hash.digest('hex');
}

describe('bytes through oproxy', () => {
  test('come back from an echo server as they were sent, 32 MB both ways at once', async () => {
    const { port } = await world.proxy(await world.server(echo));
    const client = await world.connect(port);
    const [sent, received] = await Promise.all([sendRandom(client, 32), hashOf(client)]);
    expect(received).toBe(sent);
  });

  test('pass through the layer that is named', async () => {
    const name = world.freshName();
    const { port, near } = await world.proxy(await world.server(echo), { name, listen: ['--layer', LAYER] });
    await world.daemon.irm('name', 'register', name, '--layer', LAYER);
    const client = await world.connect(port);
    const [sent, received] = await Promise.all([sendRandom(client, 4), hashOf(client)]);
    expect(received).toBe(sent);
    expect(await near.tells('closed')).toMatchObject([{ toFlowBytes: 4 * MIB, fromFlowBytes: 4 * MIB }]);
  });

  test('of 200 connections at once stay apart', async () => {
    const { port, near, far } = await world.proxy(await world.server(echo));
    const one = async (index: number): Promise<boolean> => {
      const client = await world.connect(port);
      const said = Buffer.alloc(10_000, `${index} `);
      client.end(said);
      return (await allOf(client)).equals(said);
    };
    const equal = await Promise.all(Array.from({ length: 200 }, (_, index) => one(index)));
    expect(equal).toEqual(equal.map(() => true));
    await Promise.all([near.tells('closed', 200), far.tells('closed', 200)]);
  });

  test('leave no descriptor and no flow behind', async () => {
    const { port, near, far } = await world.proxy(await world.server(echo));
    const rounds = async (count: number): Promise<void> => {
      const before = near.lines('closed').length;
      for (let i = 0; i < count; i++) {
        const client = await world.connect(port);
        client.end('hello');
        expect((await allOf(client)).toString()).toBe('hello');
      }
      await Promise.all([near.tells('closed', before + count), far.tells('closed', before + count)]);
      await world.noFlows();
    };
    await rounds(1);
    const count = (): number[] => [near, far].map(({ program }) => descriptorsOf(program.pid));
    const [nearBefore, farBefore] = count();
    await rounds(50);
    const [nearAfter, farAfter] = count();
    expect(nearAfter! - nearBefore!).toBeLessThan(10);
    expect(farAfter! - farBefore!).toBeLessThan(10);
  });
});

describe('the end of one direction', () => {
  test('reaches the server, whose answer still reaches the client', async () => {
    const { port } = await world.proxy(
      await world.server((socket) => {
        void allOf(socket).then((question) => socket.end(`${question} is ${question.length} bytes`));
      }),
    );
    const client = await world.connect(port);
    client.end('question');
    expect((await allOf(client)).toString()).toBe('question is 8 bytes');
  });

  test('reaches the client, whose bytes still reach the server', async () => {
    let heard: Promise<Buffer> | undefined;
    const { port, near, far } = await world.proxy(
      await world.server((socket) => {
        heard = allOf(socket);
        socket.end('that is all');
      }),
    );
    const client = await world.connect(port);
    expect((await allOf(client)).toString()).toBe('that is all');
    client.end('not yet');
    await Promise.all([near.tells('closed'), far.tells('closed')]);
    expect((await heard!).toString()).toBe('not yet');
  });
});

describe('a reader that pauses', () => {
  const OFFERED = 256 * MIB;

  /** Writes for ever, as long as the socket takes it; counts what it took. */
  function pour(socket: Socket, counts: { taken: number }): void {
    const chunk = Buffer.alloc(MIB);
    const more = (): void => {
      for (let room = true; room && counts.taken < OFFERED; counts.taken += MIB) room = socket.write(chunk);
      if (counts.taken >= OFFERED) socket.end();
    };
    socket.on('drain', more);
    more();
  }

  /** Resolves when so many looks in a row saw the same. */
  async function settled(count: () => number): Promise<void> {
    let [last, same] = [-1, 0];
    await until(
      () => {
        const now = count();
        same = now === last ? same + 1 : 0;
        last = now;
        return same >= 50;
      },
      'the writer is held back',
      { everyMs: 20 },
    );
  }

  test.each(['client', 'server'])(
    'holds back the other side while it is the %s; then all arrives',
    async (who) => {
      const counts = { taken: 0 };
      let atServer: Socket | undefined;
      const { port, near, far } = await world.proxy(
        await world.server((socket) => {
          atServer = socket;
          if (who === 'client') pour(socket, counts);
        }),
      );
      const memory = (): number => residentBytesOf(near.program.pid) + residentBytesOf(far.program.pid);
      const before = memory();
      const client = await world.connect(port);
      if (who === 'server') pour(client, counts);
      await settled(() => counts.taken);
      expect(counts.taken).toBeLessThan(OFFERED / 4);
      expect(memory() - before).toBeLessThan(64 * MIB);

      const [reader, writer] = who === 'client' ? [client, atServer!] : [atServer!, client];
      let arrived = 0;
      reader.on('data', (chunk: Buffer) => (arrived += chunk.length));
      await once(reader, 'end');
      expect(arrived).toBe(OFFERED);
      reader.end();
      writer.resume();
      await Promise.all([near.tells('closed'), far.tells('closed')]);
    },
  );
});

describe('programs that know nothing of flows', () => {
  async function httpServer(): Promise<{ port: number; connections: () => number; stop: () => void }> {
    let connections = 0;
    const server = http.createServer((req, res) => {
      req.resume().on('end', () => res.end(`you asked for ${req.url}`));
    });
    server.on('connection', () => connections++);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      port,
      connections: () => connections,
      stop: () => {
        server.close();
        server.closeAllConnections();
      },
    };
  }

  test('http keeps its connection alive through it', async () => {
    const server = await httpServer();
    const { port, near } = await world.proxy(server.port);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        http
          .get({ port, host: '127.0.0.1', path, agent }, (response) => {
            let body = '';
            response.on('data', (chunk: Buffer) => (body += chunk.toString()));
            response.once('end', () => {
              resolve(body);
            });
          })
          .once('error', reject);
      });
    for (let i = 0; i < 20; i++) expect(await get(`/page/${i}`)).toBe(`you asked for /page/${i}`);
    expect(server.connections()).toBe(1);
    expect(near.lines('open')).toHaveLength(1);
    agent.destroy();
    await near.tells('closed');
    server.stop();
  });

  const curl = spawnSync('curl', ['--version']).status === 0 ? test : test.skip;
  curl('curl gets its page (skipped where there is no curl)', async () => {
    const server = await httpServer();
    const { port } = await world.proxy(server.port);
    const { stdout } = await run(
      'curl',
      ['-s', '--max-time', '20', `http://127.0.0.1:${port}/`],
      process.env,
    );
    expect(stdout).toBe('you asked for /');
    server.stop();
  });
});

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { toDuplex } from '../src/index.ts';
import { eventually, pair } from './support.ts';

/** All bytes until the end. By events: a `for await` would destroy the stream, and its other direction. */
function collect(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => {
      resolve(Buffer.concat(chunks));
    });
    stream.once('error', reject);
  });
}

async function streams(allowHalfOpen = false): Promise<{ near: Duplex; far: Duplex; counts: () => number }> {
  const { a, b, layer } = await pair('data');
  return {
    near: toDuplex(a, { allowHalfOpen }),
    far: toDuplex(b, { allowHalfOpen }),
    counts: () => layer.counts.flows,
  };
}

describe('toDuplex', () => {
  test('carries 3 MB as a byte stream and maps end to end', async () => {
    const { near, far } = await streams();
    const bytes = Buffer.alloc(3_000_000, 'abcdefg');
    near.end(bytes);
    expect((await collect(far)).equals(bytes)).toBe(true);
  });

  test('lets the other direction go on after an end when half-open is allowed', async () => {
    const { near, far } = await streams(true);
    near.end('question');
    expect((await collect(far)).toString()).toBe('question');
    far.end('answer');
    expect((await collect(near)).toString()).toBe('answer');
  });

  test('releases the flow at both ends when both directions ended', async () => {
    const { near, far, counts } = await streams();
    near.end();
    far.resume();
    near.resume();
    await eventually(() => counts() === 0, 'the endpoint is free');
  });

  test('maps destroy to abort: the other stream errors', async () => {
    const { near, far } = await streams();
    const failed = new Promise((resolve) => far.once('error', resolve));
    far.resume();
    near.destroy();
    expect(await failed).toMatchObject({ code: 'FLOWRING_FLOW_DOWN' });
  });

  test('errors when the peer dies after the end of its direction, though nothing is read or written', async () => {
    const { a, b, layer, server } = await pair('data');
    const near = toDuplex(a, { allowHalfOpen: true });
    const failed = new Promise((resolve) => near.once('error', resolve));
    toDuplex(b, { allowHalfOpen: true }).end('that is all');
    expect((await collect(near)).toString()).toBe('that is all');
    layer.kill(server);
    expect(await failed).toMatchObject({ code: 'FLOWRING_PEER_GONE' });
  });

  test('errors at both ends when the reader takes longer than lingerMs', async () => {
    const { a, b } = await pair('data');
    const near = toDuplex(a, { allowHalfOpen: true, lingerMs: 1 });
    const far = toDuplex(b, { allowHalfOpen: true });
    const errorOf = (stream: Duplex): Promise<unknown> =>
      new Promise((resolve) => stream.once('error', resolve));
    const [nearFailed, farFailed] = [errorOf(near), errorOf(far)];
    // More than the far end takes over unread, less than both windows.
    near.end(Buffer.alloc(800_000));
    far.end();
    near.resume();
    expect(await nearFailed).toMatchObject({ code: 'FLOWRING_UNACKED' });
    far.resume();
    expect(await farFailed).toMatchObject({ code: 'FLOWRING_FLOW_DOWN' });
  });

  test('keeps the order of corked chunks of all sizes', async () => {
    const { near, far } = await streams();
    const chunks = [1, 40_000, 3, 32_767, 2, 32_768, 100_000, 5].map((bytes, at) =>
      Buffer.alloc(bytes, 65 + at),
    );
    near.cork();
    for (const chunk of chunks) near.write(chunk);
    near.uncork();
    near.end();
    expect((await collect(far)).equals(Buffer.concat(chunks))).toBe(true);
  });

  test('holds back a writer whose reader pauses', async () => {
    const { near, far } = await streams();
    let accepted = 0;
    for (let i = 0; i < 400; i++) near.write(Buffer.alloc(10_000), () => accepted++);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(accepted).toBeLessThan(400);
    far.resume();
    await eventually(() => accepted === 400, 'all are accepted once the reader goes on');
  });
});

describe('http over flows', () => {
  test('answers a request with a body', async () => {
    const { near, far } = await streams();
    const server = createServer((req, res) => {
      void collect(req).then((body) => res.end(`${req.url} ${body}`));
    });
    server.emit('connection', far);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ method: 'POST', path: '/one', createConnection: () => near }, resolve)
        .on('error', reject)
        .end('body');
    });
    expect((await collect(response)).toString()).toBe('/one body');
    near.destroy();
    server.close();
  });
});

describe('tls over flows', () => {
  test('encrypts both directions', async () => {
    const { near, far } = await streams();
    const { key, cert } = selfSigned();
    const secure = new TLSSocket(far, { isServer: true, secureContext: createSecureContext({ key, cert }) });
    secure.on('data', (chunk: Buffer) => secure.write(chunk.toString().toUpperCase()));
    const client = connect({ socket: near, rejectUnauthorized: false });
    client.write('secret');
    const [reply] = (await once(client, 'data')) as [Buffer];
    expect(reply.toString()).toBe('SECRET');
    client.destroy();
    secure.destroy();
  });
});

/** A key and certificate of this minute, made by openssl. */
function selfSigned(): { key: string; cert: string } {
  const dir = mkdtempSync(join(tmpdir(), 'flowring-tls-'));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=test', '-days', '1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  const made = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  rmSync(dir, { recursive: true });
  return made;
}

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
  test('answers requests on one kept-alive flow', async () => {
    const { near, far } = await streams();
    const server = createServer((req, res) => {
      void collect(req).then((body) => res.end(`${req.url} ${body}`));
    });
    server.emit('connection', far);
    for (const word of ['one', 'two']) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const options = { method: 'POST', path: `/${word}`, headers: { connection: 'keep-alive' } };
        request({ ...options, createConnection: () => near }, resolve)
          .on('error', reject)
          .end(`body of ${word}`);
        if (word === 'two') near.unref;
      });
      expect((await collect(response)).toString()).toBe(`/${word} body of ${word}`);
      if (word === 'one') break;
    }
    near.destroy();
    server.close();
  });
});

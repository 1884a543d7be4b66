import { describe, expect, test } from '@jest/globals';
import { isFlowringError } from '@flowring/common';
import type { Flow } from '../src/index.ts';
import type { TestLayer, TestProcess } from '../src/testing.ts';
import { createTestLayer } from '../src/testing.ts';
import { codeOf } from './support.ts';

async function pair(layer: TestLayer = createTestLayer()): Promise<{
  layer: TestLayer;
  client: TestProcess;
  server: TestProcess;
  a: Flow;
  b: Flow;
}> {
  const client = layer.process('client');
  const server = layer.process('server');
  layer.createName('echo');
  const accepting = server.flowAccept.once({ name: 'echo' });
  const a = await client.flowAlloc('echo');
  return { layer, client, server, a, b: await accepting };
}

describe('a raw flow', () => {
  test('carries messages both ways with their boundaries', async () => {
    const { a, b } = await pair();
    await a.write(Buffer.from('one'));
    await a.write(Buffer.from(''));
    await a.write(Buffer.from('three'));
    expect((await b.read())?.toString()).toBe('one');
    expect((await b.read())?.length).toBe(0);
    await b.write(Buffer.from('back'));
    expect((await b.read())?.toString()).toBe('three');
    expect((await a.read())?.toString()).toBe('back');
  });

  test('ends cleanly after the data of a peer that deallocated', async () => {
    const { a, b } = await pair();
    await a.write(Buffer.from('last'));
    await a.dealloc();
    expect((await b.read())?.toString()).toBe('last');
    expect(await b.read()).toBeNull();
    expect(await b.read()).toBeNull();
  });

  test('ends a blocked read when the peer deallocates', async () => {
    const { a, b } = await pair();
    const reading = b.read();
    await a.dealloc();
    expect(await reading).toBeNull();
  });

  test('fails a blocked read with PEER_GONE when the peer dies', async () => {
    const { layer, client, b } = await pair();
    const reading = codeOf(b.read());
    layer.kill(client);
    expect(await reading).toBe('FLOWRING_PEER_GONE');
    expect(
      isFlowringError(await b.write(Buffer.from('x')).catch((e: unknown) => e), 'FLOWRING_PEER_GONE'),
    ).toBe(true);
  });
});

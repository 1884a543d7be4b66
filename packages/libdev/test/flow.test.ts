import { describe, expect, test } from '@jest/globals';
import { codeOf, eventually, pair, text } from './support.ts';

describe.each(['raw', 'bestEffort', 'data'] as const)('a flow of QoS %s', (qos) => {
  test('carries messages both ways and keeps their boundaries', async () => {
    const { a, b } = await pair(qos);
    await a.write(Buffer.from('one'));
    await a.write(Buffer.alloc(0));
    await a.write(Buffer.from('three'));
    expect(text(await b.read())).toBe('one');
    expect(text(await b.read())).toBe('');
    await b.write(Buffer.from('back'));
    expect(text(await b.read())).toBe('three');
    expect(text(await a.read())).toBe('back');
  });

  test('ends cleanly after the data of a peer that deallocated, and stays ended', async () => {
    const { a, b } = await pair(qos);
    await a.write(Buffer.from('last'));
    await a.dealloc();
    expect(text(await b.read())).toBe('last');
    expect(await b.read()).toBeNull();
    expect(await b.read()).toBeNull();
    expect(b.tryRead()).toBeNull();
  });

  test('ends a blocked read when the peer deallocates', async () => {
    const { a, b } = await pair(qos);
    const reading = b.read();
    await a.dealloc();
    expect(await reading).toBeNull();
  });

  test('fails a blocked read with PEER_GONE when the peer dies', async () => {
    const { layer, client, b } = await pair(qos);
    const reading = codeOf(b.read());
    layer.kill(client);
    expect(await reading).toBe('FLOWRING_PEER_GONE');
    expect(await codeOf(b.read())).toBe('FLOWRING_PEER_GONE');
    expect(await codeOf(b.write(Buffer.from('x')))).toBe('FLOWRING_PEER_GONE');
  });

  test('gives what arrived before it says that the peer died', async () => {
    const { layer, client, a, b } = await pair(qos);
    await a.write(Buffer.from('before'));
    await eventually(() => b.rxQueueLength === 1, 'the message arrives');
    layer.kill(client);
    await b.closed;
    expect(text(await b.read())).toBe('before');
    expect(await codeOf(b.read())).toBe('FLOWRING_PEER_GONE');
  });

  test('rejects a write at once after the peer ended, while its messages are still unread', async () => {
    const { a, b } = await pair(qos);
    await a.write(Buffer.from('unread'));
    await a.dealloc();
    await b.closed;
    expect(await codeOf(b.write(Buffer.from('x')))).toBe('FLOWRING_FLOW_DOWN');
    expect(b.tryWrite(Buffer.from('x'))).toBe('closed');
    expect(text(await b.read())).toBe('unread');
  });

  test('rejects every call after the own dealloc', async () => {
    const { a } = await pair(qos);
    await a.dealloc();
    expect(await codeOf(a.read())).toBe('FLOWRING_NOT_ALLOCATED');
    expect(await codeOf(a.write(Buffer.from('x')))).toBe('FLOWRING_NOT_ALLOCATED');
    expect(await codeOf(a.dealloc())).toBe('FLOWRING_NOT_ALLOCATED');
    expect(() => a.tryRead()).toThrow(expect.objectContaining({ code: 'FLOWRING_NOT_ALLOCATED' }));
  });

  test('settles two deallocs that cross', async () => {
    const { a, b, layer } = await pair(qos);
    await a.write(Buffer.from('x'));
    await b.write(Buffer.from('y'));
    const outcomes = await Promise.all([codeOf(a.dealloc()), codeOf(b.dealloc())]);
    expect(outcomes).toEqual(['resolved', 'resolved']);
    await eventually(() => layer.counts.flows === 0, 'both halves are released');
  });

  test('serves concurrent reads in order', async () => {
    const { a, b } = await pair(qos);
    const reads = [b.read(), b.read(), b.read()];
    for (const word of ['1', '2', '3']) await a.write(Buffer.from(word));
    expect((await Promise.all(reads)).map(text)).toEqual(['1', '2', '3']);
  });

  test('makes a writer wait for a reader that pauses, and loses nothing', async () => {
    const { a, b } = await pair(qos);
    const message = Buffer.alloc(10_000);
    let written = 0;
    for (; a.tryWrite(message) === 'sent'; written++) message.writeUInt32LE(written + 1);
    expect(written).toBeGreaterThan(1);
    const waiting = a.write(message).then(() => written++);
    for (let i = 0; i < written; i++) expect((await b.read())?.readUInt32LE()).toBe(i);
    await waiting;
  });

  test('carries 5,000 messages in order through a window smaller than them all', async () => {
    const { a, b } = await pair(qos);
    const reader = (async () => {
      let count = 0;
      for await (const message of b) expect(message.readUInt32LE()).toBe(count++);
      return count;
    })();
    for (let i = 0; i < 5_000; i++) {
      const message = Buffer.alloc(200);
      message.writeUInt32LE(i);
      await a.write(message);
    }
    await a.dealloc();
    expect(await reader).toBe(5_000);
  });
});

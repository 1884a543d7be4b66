import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { createTestLayer } from '../src/testing.ts';
import { codeOf, eventually, pair, text } from './support.ts';

const WORD = Buffer.from('word');

describe.each(['raw', 'data'] as const)('waiting on a flow of QoS %s', (qos) => {
  test('ends with the timeout given, or the default of the flow', async () => {
    const { b } = await pair(qos);
    expect(await codeOf(b.read({ timeoutMs: 0 }))).toBe('FLOWRING_TIMEOUT');
    expect(await codeOf(b.read({ timeoutMs: 5 }))).toBe('FLOWRING_TIMEOUT');
    b.readTimeoutMs = 5;
    expect(await codeOf(b.read())).toBe('FLOWRING_TIMEOUT');
    expect(await codeOf(b.readable())).toBe('FLOWRING_TIMEOUT');
  });

  test('ends with an abort and keeps no listener', async () => {
    const { a, b } = await pair(qos);
    const { signal, abort } = controller();
    const reading = b.read({ signal });
    await a.write(WORD);
    await reading;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const waiting = codeOf(b.read({ signal }));
    abort();
    expect(await waiting).toBe('FLOWRING_ABORTED');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(await codeOf(b.read({ signal }))).toBe('FLOWRING_ABORTED');
  });

  test('gives a message to the next reader when the first gave up', async () => {
    const { a, b } = await pair(qos);
    const { signal, abort } = controller();
    const first = codeOf(b.read({ signal }));
    const second = b.read();
    abort();
    await a.write(WORD);
    expect(await first).toBe('FLOWRING_ABORTED');
    expect(text(await second)).toBe('word');
  });

  test('ends a blocked write with its timeout, and that message is never sent', async () => {
    const { a, b } = await pair(qos);
    let sent = 0;
    while (a.tryWrite(Buffer.alloc(1_000, 1)) === 'sent') sent++;
    expect(await codeOf(a.write(Buffer.alloc(1_000, 2), { timeoutMs: 5 }))).toBe('FLOWRING_TIMEOUT');
    for (let i = 0; i < sent; i++) expect((await b.read())?.[0]).toBe(1);
    await a.write(WORD);
    expect(text(await b.read())).toBe('word');
  });

  test('ends a blocked write when the peer deallocates', async () => {
    const { a, b } = await pair(qos);
    // More than fits into the window and into what the peer's end takes before its program reads.
    const writings = Array.from({ length: 2_000 }, () => codeOf(a.write(Buffer.alloc(1_000))));
    const room = codeOf(a.writable());
    b.abort();
    expect(await writings.at(-1)).toBe('FLOWRING_FLOW_DOWN');
    expect(await room).toBe('FLOWRING_FLOW_DOWN');
  });

  test('reads into a buffer, and leaves a message that does not fit', async () => {
    const { a, b } = await pair(qos);
    await a.write(Buffer.from('12345'));
    const small = b.readInto(Buffer.alloc(3));
    await expect(small).rejects.toMatchObject({
      code: 'FLOWRING_MESSAGE_TOO_LARGE',
      details: { messageBytes: 5 },
    });
    const target = Buffer.alloc(8);
    expect(await b.readInto(target)).toBe(5);
    expect(target.toString('latin1', 0, 5)).toBe('12345');
  });

  test('reads a message in parts: its rest comes first, whatever reads it, and its end is told', async () => {
    const { a, b } = await pair(qos);
    await a.write(Buffer.from('0123456789'));
    await a.write(WORD);
    const target = Buffer.alloc(4);
    expect(await b.readInto(target, { partial: true })).toBe(4);
    expect([text(target), b.restBytes]).toEqual(['0123', 6]);
    expect(await b.readInto(target, { partial: true })).toBe(4);
    expect([text(target), b.restBytes]).toEqual(['4567', 2]);
    expect(await codeOf(b.readInto(Buffer.alloc(1)))).toBe('FLOWRING_MESSAGE_TOO_LARGE');
    expect(text(await b.read())).toBe('89');
    expect(b.restBytes).toBe(0);
    expect(await b.readInto(target, { partial: true })).toBe(4);
    expect([text(target), b.restBytes]).toEqual(['word', 0]);
  });

  test('gives the rest of a message after the peer has ended, then the end', async () => {
    const { a, b } = await pair(qos);
    await a.write(WORD);
    const left = a.dealloc();
    expect(await b.readInto(Buffer.alloc(3), { partial: true })).toBe(3);
    await left;
    await eventually(() => !b.isOpen, 'the end comes');
    expect(b.rxQueueLength).toBe(1);
    expect(text(b.tryRead() as Buffer)).toBe('d');
    expect(await b.readInto(Buffer.alloc(3), { partial: true })).toBeNull();
  });

  test('forbids a direction', async () => {
    const { a, b } = await pair(qos);
    a.mode = 'read-only';
    b.mode = 'write-only';
    expect(await codeOf(a.write(WORD))).toBe('FLOWRING_PERMISSION');
    expect(() => a.tryWrite(WORD)).toThrow(expect.objectContaining({ code: 'FLOWRING_PERMISSION' }));
    expect(await codeOf(b.read())).toBe('FLOWRING_PERMISSION');
    await b.write(WORD);
    expect(text(await a.read())).toBe('word');
  });

  test('rejects a message that is too large', async () => {
    const { a } = await pair(qos);
    expect(await codeOf(a.write(Buffer.alloc(1_048_577)))).toBe('FLOWRING_MESSAGE_TOO_LARGE');
    expect(a.tryWrite(Buffer.alloc(1_048_577))).toBe('too-large');
  });

  test('carries the largest message', async () => {
    const { a, b } = await pair(qos);
    const message = Buffer.alloc(1_048_576, 'large');
    const writing = a.write(message);
    expect((await b.read())?.equals(message)).toBe(true);
    await writing;
  });

  test('tells by `closed` why it is over, without a listener before', async () => {
    const { a, b, layer, client } = await pair(qos);
    const reason = b.closed;
    await a.dealloc();
    expect(await reason).toEqual({ by: 'peer', unackedSdus: 0 });
    expect(await a.closed).toEqual({ by: 'local', unackedSdus: 0 });
    const other = await pair(qos, layer);
    layer.kill(other.client);
    expect(await other.b.closed).toMatchObject({ by: 'lost', code: 'FLOWRING_PEER_GONE' });
    expect(client.pid).not.toBe(other.client.pid);
  });

  test('gives the code of an abort to the peer', async () => {
    const { a, b } = await pair(qos);
    a.abort('FLOWRING_AUTH');
    expect(await codeOf(b.read())).toBe('FLOWRING_AUTH');
  });

  test('ends the own loop without an error at the own dealloc', async () => {
    const { a } = await pair(qos);
    const loop = (async () => {
      for await (const message of a) throw new Error(`unexpected ${message.toString()}`);
    })();
    await a.dealloc();
    await loop;
  });

  test('keeps the flow when a loop is left', async () => {
    const { a, b } = await pair(qos);
    await a.write(WORD);
    await a.write(WORD);
    for await (const message of b) {
      expect(text(message)).toBe('word');
      break;
    }
    expect(text(await b.read())).toBe('word');
  });

  test('is deallocated by `await using`', async () => {
    const { a, b, layer } = await pair(qos);
    {
      await using flow = a;
      await flow.write(WORD);
    }
    expect(text(await b.read())).toBe('word');
    expect(await b.read()).toBeNull();
    await b.dealloc();
    await eventually(() => layer.counts.flows === 0, 'the endpoint is free');
  });

  test('keeps messages of a slow reader intact over many turns', async () => {
    const { a, b } = await pair(qos);
    for (let i = 0; i < 100; i++) await a.write(Buffer.from(`message ${i}`));
    for (let i = 0; i < 100; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(text(await b.read())).toBe(`message ${i}`);
    }
  });
});

describe('dealloc of a reliable flow', () => {
  test('rejects with the number of messages the peer did not acknowledge', async () => {
    const layer = createTestLayer({ clock: 'virtual', latencyUs: 10_000 });
    const { a, b } = await virtualPair(layer);
    await a.write(WORD);
    await a.write(WORD);
    const failed = a.dealloc({ lingerMs: 5 }).catch((error: unknown) => error);
    await layer.advance(6);
    expect(await failed).toMatchObject({ code: 'FLOWRING_UNACKED', details: { unackedSdus: 2 } });
    await layer.advance(100);
    expect(b.isOpen).toBe(false);
  });

  test('delivers all over a path that loses a third, and says so', async () => {
    const layer = createTestLayer({ clock: 'virtual', latencyUs: 1_000, loss: 0.3, seed: 7 });
    const { a, b } = await virtualPair(layer);
    const read: string[] = [];
    const reading = (async () => {
      for await (const message of b) read.push(message.toString());
    })();
    for (let i = 0; i < 200; i++) void a.write(Buffer.from(String(i)));
    let outcome = '';
    void codeOf(a.dealloc({ lingerMs: 60_000 })).then((code) => (outcome = code));
    for (let ms = 0; ms < 60_000 && outcome === ''; ms += 100) await layer.advance(100);
    await layer.advance(10);
    await reading;
    expect(outcome).toBe('resolved');
    expect(read).toEqual(Array.from({ length: 200 }, (_, i) => String(i)));
  });
});

async function virtualPair(layer: ReturnType<typeof createTestLayer>) {
  const opening = pair('data', layer);
  await layer.advance(100);
  return opening;
}

function controller() {
  const control = new AbortController();
  return { signal: control.signal, abort: () => control.abort() };
}

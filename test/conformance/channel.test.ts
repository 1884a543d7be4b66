import { afterEach, describe, expect, test } from '@jest/globals';
import { availableKinds } from '@flowring/channel';
import { LIMITS, errnoOf } from '@flowring/common';
import type { Inlet, Pair, TestedKind } from './channel-ends.ts';
import { REAL_KINDS, openPair, until } from './channel-ends.ts';

const IN_PLACE: TestedKind[] = REAL_KINDS.includes('shm') ? ['shm in place'] : [];
const KINDS: TestedKind[] = [...REAL_KINDS, ...IN_PLACE, 'memory'];

/** Sends all messages, waiting as the port says. */
function sendAll(inlet: Inlet, messages: readonly Uint8Array[]): void {
  let next = 0;
  const go = (): void => {
    while (next < messages.length && inlet.port.trySend(messages[next]!) === 'sent') next++;
  };
  inlet.onWritableDo = go;
  go();
}

const numbered = (count: number, bytes: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => {
    const message = Buffer.alloc(bytes, i);
    if (bytes >= 4) message.writeUInt32LE(i);
    return message;
  });

describe.each(KINDS)('a channel of kind %s', (kind) => {
  let pair: Pair;
  const open = (ringBytes?: number): Pair => (pair = openPair(kind, ringBytes));
  afterEach(() => pair.close());

  test('comes up at both ends', async () => {
    const { a, b } = open();
    await until(() => a.ups.length === 1 && b.ups.length === 1);
    expect([a.channel.isUp, b.channel.isUp]).toEqual([true, true]);
  });

  test.each([0, 1, 7, 8, 64, 65, 1_400, 16_384, 131_064, 131_065, 1_048_576])(
    'carries messages of %i bytes whole and in order',
    async (bytes) => {
      const { a, b } = open();
      const [out, into] = [a.attach(1), b.attach(1)];
      const messages = numbered(bytes > 100_000 ? 12 : 500, bytes);
      sendAll(out, messages);
      await until(() => into.messages.length === messages.length);
      expect(into.messages.every((message, i) => message.equals(messages[i]!))).toBe(true);
    },
  );

  test.each([0, 1, 64, 1_200, 16_384, 131_065])(
    'carries runs of messages of %i bytes like messages one by one',
    async (bytes) => {
      const { a, b } = open();
      const [out, into] = [a.attach(1), b.attach(1)];
      const [messages, head] = [numbered(60, bytes), Buffer.alloc(5)];
      const run = Buffer.concat(messages.flatMap((message) => [head, message]));
      const stride = head.length + bytes;
      let next = 0;
      const go = (): void => {
        while (next < messages.length) {
          const start = next * stride + head.length;
          const sent = out.port.trySendRun(run, start, stride, bytes, messages.length - next);
          next += sent;
          if (sent > 0) continue;
          if (out.port.trySend(messages[next]!) !== 'sent') return;
          next++;
        }
      };
      out.onWritableDo = go;
      go();
      await until(() => into.messages.length === messages.length);
      expect(into.messages.every((message, i) => message.equals(messages[i]!))).toBe(true);
      out.port.end(0);
      expect(out.port.trySendRun(run, 0, stride, bytes, 3)).toBe(0);
    },
  );

  test('carries both directions of many flows at once', async () => {
    const { a, b } = open();
    const ids = Array.from({ length: 50 }, (_, i) => i + 1);
    const lefts = ids.map((id) => a.attach(id));
    const rights = ids.map((id) => b.attach(id));
    const messages = numbered(300, 700);
    for (const end of [...lefts, ...rights]) sendAll(end, messages);
    await until(() => [...lefts, ...rights].every((end) => end.messages.length === messages.length));
    for (const end of [...lefts, ...rights]) {
      expect(end.messages.every((message, i) => message.equals(messages[i]!))).toBe(true);
    }
  });

  test('refuses a message over the limit', async () => {
    const { a } = open();
    expect(a.attach(1).port.trySend(Buffer.alloc(LIMITS.sduMaxBytes + 1))).toBe('too-large');
  });

  test('sends what a fill function writes, and nothing for 0 bytes', async () => {
    const { a, b } = open();
    const [out, into] = [a.attach(1), b.attach(1)];
    await until(() => a.channel.isUp && b.channel.isUp);
    const fill = (text: string) => (target: Uint8Array, at: number) => {
      target.set(Buffer.from(text), at);
      return text.length;
    };
    expect(out.port.trySendWith(100, fill(''))).toBe('sent');
    expect(out.port.trySendWith(100, fill('ring'))).toBe('sent');
    expect(out.port.trySendWith(300_000, fill('x'.repeat(250_000)))).toBe('sent');
    await until(() => into.messages.length === 2);
    expect(into.messages.map((message) => message.length)).toEqual([4, 250_000]);
  });

  test('stops a sender at the window of a reader that pauses, and goes on when it reads', async () => {
    const { a, b } = open();
    const [out, into] = [a.attach(1), b.attach(1)];
    into.isReading = false;
    await until(() => a.channel.isUp && b.channel.isUp);
    const messages = numbered(1_000, 1_000);
    sendAll(out, messages);
    await until(() => out.port.inFlightBytes >= LIMITS.flowWindowBytes);
    expect(out.port.inFlightBytes).toBeLessThan(LIMITS.flowWindowBytes + 1_032);
    expect(out.port.trySend(messages[0]!)).toBe('would-block');
    into.resume();
    await until(() => into.messages.length === messages.length);
    expect(into.messages.every((message, i) => message.equals(messages[i]!))).toBe(true);
  });

  test('lets a flow run beside one that is paused', async () => {
    const { a, b } = open(65_536);
    const [paused, busy] = [a.attach(1), a.attach(2)];
    const [pausedIn, busyIn] = [b.attach(1), b.attach(2)];
    pausedIn.isReading = false;
    sendAll(paused, numbered(2_000, 1_000));
    sendAll(busy, numbered(5_000, 1_000));
    await until(() => busyIn.messages.length === 5_000);
    expect(pausedIn.messages.length).toBeLessThan(LIMITS.flowWindowBytes / 1_000 + 1);
  });

  test('wakes senders that wait for room in the order they asked', async () => {
    const { a, b } = open(65_536);
    const outs = [1, 2, 3, 4].map((id) => a.attach(id));
    const intos = [1, 2, 3, 4].map((id) => b.attach(id));
    for (const out of outs) sendAll(out, numbered(400, 4_000));
    await until(() => intos.every((into) => into.messages.length === 400));
    expect(outs.filter((out) => out.writable === 0).length).toBeLessThan(4);
  });

  test('holds messages that come before the flow is attached', async () => {
    const { a, b } = open();
    const out = a.attach(9);
    sendAll(out, [...numbered(20, 100), Buffer.alloc(200_000, 5)]);
    await until(() => a.channel.isUp && b.channel.isUp);
    out.port.end(0);
    await until(() => b.channel.stats.messagesReceived === 21);
    const into = b.attach(9);
    expect(into.messages).toHaveLength(0);
    await until(() => into.errno === 0);
    expect(into.messages.map((message) => message.length)).toEqual([...Array(20).fill(100), 200_000]);
  });

  test('ends a flow with an error when more came early than can be held', async () => {
    const { a, b } = open();
    const out = a.attach(9, 4 * LIMITS.unattachedMaxBytes);
    await until(() => a.channel.isUp && b.channel.isUp);
    sendAll(out, numbered(1_500, 1_000));
    await until(
      () => b.channel.stats.recordsDropped > 0 && out.writable + b.channel.stats.recordsDropped > 400,
    );
    const into = b.attach(9);
    await until(() => into.errno === errnoOf('FLOWRING_CHANNEL'));
    expect(into.messages).toHaveLength(0);
  });

  test('delivers everything before the end, and the end once', async () => {
    const { a, b } = open(65_536);
    const [out, into] = [a.attach(1), b.attach(1)];
    await until(() => a.channel.isUp && b.channel.isUp);
    expect(out.port.trySend(Buffer.alloc(500_000, 1))).toBe('sent');
    out.port.end(1005);
    out.port.end(0);
    expect(out.port.trySend(Buffer.alloc(1))).toBe('closed');
    await until(() => into.errno === 1005);
    expect(into.messages.map((message) => message.length)).toEqual([500_000]);
    expect(into.port.trySend(Buffer.alloc(1))).toBe('closed');
  });

  test('drops what comes for a flow that was detached', async () => {
    const { a, b } = open();
    const [out, other] = [a.attach(1), a.attach(2)];
    const [into, otherIn] = [b.attach(1), b.attach(2)];
    into.port.detach();
    into.port.detach();
    sendAll(out, numbered(5, 10));
    sendAll(other, numbered(1, 10));
    await until(() => otherIn.messages.length === 1);
    expect(into.messages).toHaveLength(0);
    expect(b.channel.stats.recordsDropped).toBe(5);
    expect(b.channel.flowCount).toBe(1);
  });

  test('tells the peer of a close after what was sent, with its errno', async () => {
    const { a, b } = open();
    const [out, into] = [a.attach(1), b.attach(1)];
    await until(() => a.channel.isUp && b.channel.isUp);
    sendAll(out, numbered(50, 1_000));
    a.channel.close(1005);
    a.channel.close(0);
    await until(() => b.downs.length === 1 && a.downs.length === 1);
    expect(into.messages).toHaveLength(50);
    expect([into.errno, b.downs, a.downs]).toEqual([1005, ['peer-closed'], ['closed']]);
    expect(out.errno).toBe(errnoOf('FLOWRING_FLOW_DOWN'));
    expect(a.channel.isUp).toBe(false);
  });

  test('can be closed from inside a message', async () => {
    const { a, b } = open();
    const [out, into] = [a.attach(1), b.attach(1)];
    into.onMessage = () => {
      into.messages.push(Buffer.alloc(0));
      b.channel.close(0);
    };
    sendAll(out, numbered(50, 1_000));
    await until(() => a.downs.length === 1 && b.downs.length === 1);
    expect(into.messages).toHaveLength(1);
  });

  test('ends a flow that is attached after the channel went down, with what was held for it', async () => {
    const { a, b } = open();
    await until(() => a.channel.isUp && b.channel.isUp);
    sendAll(a.attach(3), numbered(3, 10));
    a.channel.close(0);
    await until(() => b.downs.length === 1);
    const late = b.attach(3);
    expect(late.port.trySend(Buffer.alloc(1))).toBe('closed');
    await until(() => late.errno === 0);
    expect(late.messages).toHaveLength(3);
  });

  test('calls receivers only in its own turn', async () => {
    const { a, b } = open();
    const [out, into] = [a.attach(1), b.attach(1)];
    await until(() => a.channel.isUp && b.channel.isUp);
    sendAll(out, numbered(3, 10));
    expect(into.messages).toHaveLength(0);
    a.channel.close(0);
    expect([out.errno, into.errno, a.downs.length]).toEqual([-1, -1, 0]);
  });
});

test('shared memory is there exactly when koffi is', () => {
  const { FLOWRING_CHANNEL: forced } = process.env;
  expect(availableKinds()).toEqual(forced === undefined ? REAL_KINDS : [forced]);
});

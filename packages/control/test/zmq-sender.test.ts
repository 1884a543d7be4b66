import { describe, expect, test } from '@jest/globals';
import { ZmqSender } from '../src/zmq-sender.ts';

/** A socket that, as zeromq's, throws when a second send comes while one is under way. */
class StrictSocket {
  readonly sent: number[] = [];
  #sending = false;
  fail: ((message: number) => boolean) | undefined;

  send(message: number): Promise<void> {
    if (this.#sending) throw Object.assign(new Error('busy'), { code: 'EBUSY' });
    this.#sending = true;
    return new Promise((resolve, reject) =>
      setImmediate(() => {
        this.#sending = false;
        if (this.fail?.(message)) reject(Object.assign(new Error('unknown'), { code: 'EHOSTUNREACH' }));
        else resolve(void this.sent.push(message));
      }),
    );
  }
}

const idle = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('ZmqSender', () => {
  test('sends in order with one send under way', async () => {
    const socket = new StrictSocket();
    const dropped: unknown[] = [];
    const sender = new ZmqSender<number>(socket, { queueMax: 100, onDropped: (m) => dropped.push(m) });
    for (let i = 0; i < 20; i++) sender.push(i);
    await idle();
    expect(socket.sent).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(dropped).toEqual([]);
  });

  test('refuses what is over its bound', () => {
    const sender = new ZmqSender<number>(new StrictSocket(), { queueMax: 2, onDropped: () => undefined });
    expect([0, 1, 2, 3, 4].map((m) => sender.push(m))).toEqual([true, true, true, false, false]);
  });

  test('reports what the socket did not take and goes on', async () => {
    const socket = new StrictSocket();
    socket.fail = (message) => message === 1;
    const dropped: unknown[] = [];
    const sender = new ZmqSender<number>(socket, {
      queueMax: 100,
      onDropped: (message, code) => dropped.push([message, code]),
    });
    for (let i = 0; i < 3; i++) sender.push(i);
    await idle();
    expect(dropped).toEqual([[1, 'EHOSTUNREACH']]);
    expect(socket.sent).toEqual([0, 2]);
  });
});

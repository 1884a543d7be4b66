import os from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OpenUdpSocketOptions, UdpAddress, UdpError, UdpSocket } from '../src/datagram.ts';
import type { Libc } from '../src/adapters/libc.ts';
import { loadLibc, reloadLibc } from '../src/adapters/libc.ts';
import { openOffloadSocket } from '../src/adapters/offload-socket.ts';
import { availableUdpKinds, openUdpSocket } from '../src/index.ts';

const { EAGAIN, EINTR, EINVAL, EIO, EMSGSIZE, ENOBUFS } = os.constants.errno;
const REAL = loadLibc()!;

/** libc, but that sendmmsg fails as the test says. */
class FailingLibc {
  readonly calls: number[] = [];
  /** Of the next calls; 0: as it really is. */
  readonly failures: number[] = [];
  /** Of every call for which it answers an errno. */
  rule: (isSegmented: boolean) => number = () => 0;
  #errno = 0;

  readonly libc: Libc = {
    ...REAL,
    errno: () => this.#errno || REAL.errno(),
    sendmmsg: (fd, headers, count, flags) => {
      this.calls.push(count);
      this.#errno = this.failures.shift() ?? this.rule(this.#isSegmented(headers));
      return this.#errno === 0 ? REAL.sendmmsg(fd, headers, count, flags) : -1;
    },
    addressOf: (bytes) => {
      const address = REAL.addressOf(bytes);
      this.#memory.set(address, bytes);
      return address;
    },
  };
  readonly #memory = new Map<number, Uint8Array>();

  #isSegmented(headers: number): boolean {
    const bytes = this.#memory.get(headers)!;
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(40, true) > 0;
  }
}

describe('a socket whose kernel refuses to send', () => {
  const sockets: UdpSocket[] = [];
  const errors: UdpError[] = [];
  const received: number[] = [];
  let writable = 0;

  const open = (libc: Libc, more: Partial<OpenUdpSocketOptions> = {}): UdpSocket => {
    const socket = openOffloadSocket(libc, {
      host: '127.0.0.1',
      onReceive: (_bytes, start, end) => received.push(end - start),
      onError: (error) => errors.push(error),
      onWritable: () => writable++,
      ...more,
    });
    sockets.push(socket);
    return socket;
  };
  const sendSelf = (socket: UdpSocket, ...lengths: number[]): void => {
    for (const bytes of lengths) socket.send(socket.local, new Uint8Array(bytes), 0, bytes);
    socket.flush();
  };
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
  };

  afterEach(async () => {
    await Promise.all(sockets.splice(0).map((socket) => socket.close()));
    errors.length = received.length = writable = 0;
  });

  test('keeps what has no room, and sends it by itself when there is some', async () => {
    const failing = new FailingLibc();
    const socket = open(failing.libc);
    failing.failures.push(EAGAIN);
    sendSelf(socket, 10, 20);
    expect(socket.counters).toMatchObject({ sent: 0, blocked: 1 });
    sendSelf(socket, 30);
    expect(failing.calls).toEqual([2]);
    await until(() => received.length === 3);
    expect(received).toEqual([10, 20, 30]);
    expect(writable).toBe(0);
  });

  test('answers that there is no room when the batch is full too, and tells when there is again', async () => {
    const failing = new FailingLibc();
    const socket = open(failing.libc);
    failing.failures.push(EAGAIN);
    let sent = 0;
    const bytes = new Uint8Array(60_000);
    socket.send(socket.local, bytes, 0, 60_000);
    socket.flush();
    while (socket.send(socket.local, bytes, 0, 60_000)) sent++;
    expect(sent).toBe(3);
    expect(socket.reserve(60_000)).toBe(-1);
    await until(() => writable > 0);
    expect(socket.reserve(60_000)).not.toBe(-1);
    await until(() => received.length === 4);
    expect(writable).toBe(1);
  });

  test('tries again after a signal', async () => {
    const failing = new FailingLibc();
    const socket = open(failing.libc);
    failing.failures.push(EINTR);
    sendSelf(socket, 10);
    await until(() => received.length === 1);
    expect(socket.counters).toMatchObject({ sent: 1, refused: 0 });
  });

  test('drops what the kernel dropped, and says so', async () => {
    const failing = new FailingLibc();
    const socket = open(failing.libc);
    failing.failures.push(ENOBUFS);
    sendSelf(socket, 10, 20);
    expect(errors).toEqual([]);
    await until(() => received.length === 1 && errors.length === 1);
    expect(received).toEqual([20]);
    expect(errors[0]).toMatchObject({ code: 'ENOBUFS', peer: socket.local });
    expect(socket.counters).toMatchObject({ sent: 1, refused: 1 });
  });

  test('sends segments one by one when they do not go as one message, and judges each', async () => {
    const failing = new FailingLibc();
    const socket = open(failing.libc);
    failing.failures.push(EINVAL, 0, EMSGSIZE, 0);
    sendSelf(socket, 100, 100, 100, 50);
    await until(() => received.length === 3 && errors.length === 1);
    expect(received).toEqual([100, 100, 50]);
    expect(errors[0]).toMatchObject({ code: 'EMSGSIZE' });
    expect(failing.calls).toEqual([1, 1, 1, 1, 1]);
    sendSelf(socket, 70, 70);
    await until(() => received.length === 5);
    expect(failing.calls).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('stops segmenting where the device cannot', async () => {
    const failing = new FailingLibc();
    const socket = open(failing.libc);
    failing.rule = (isSegmented) => (isSegmented ? EIO : 0);
    sendSelf(socket, 100, 100, 100);
    failing.calls.length = 0;
    sendSelf(socket, 100, 100, 100);
    expect(failing.calls).toEqual([3]);
    await until(() => received.length === 6);
    expect(errors).toEqual([]);
  });

  test('gives an error of an earlier datagram to the report and sends the present one', async () => {
    const socket = open(REAL);
    const gone = open(REAL);
    const nobody: UdpAddress = socket.address('127.0.0.1', gone.local.port);
    await gone.close();
    socket.send(nobody, new Uint8Array(1), 0, 1);
    socket.flush();
    sendSelf(socket, 10);
    await until(() => received.length === 1 && errors.length === 1);
    expect(errors[0]!.peer).toBe(nobody);
    expect(socket.counters).toMatchObject({ sent: 2, refused: 0 });
  });

  test('holds no more untold errors than its bound', async () => {
    const failing = new FailingLibc();
    const socket = open(failing.libc);
    failing.rule = () => ENOBUFS;
    for (let index = 0; index < 300; index++) sendSelf(socket, 10);
    await until(() => errors.length > 0);
    expect(errors).toHaveLength(256);
    expect(socket.counters.refused).toBe(300);
  });
});

describe('a socket asked to give way', () => {
  const calls: string[] = [];
  let socket: UdpSocket;
  beforeEach(() => {
    calls.length = 0;
    const libc: Libc = { ...REAL, recvmmsg: (...args) => (calls.push('receive'), REAL.recvmmsg(...args)) };
    socket = openOffloadSocket(libc, {
      host: '127.0.0.1',
      onReceive: () => {
        if (calls.length === 1) socket.giveWay();
        calls.push('datagram');
      },
    });
    for (let index = 1; index <= 6; index++) socket.send(socket.local, new Uint8Array(index), 0, index);
    socket.flush();
  });
  afterEach(() => socket.close());

  const allHaveCome = () => calls.filter((call) => call === 'datagram').length === 6;

  test('delivers nothing more until it is to go on', async () => {
    while (calls.length === 0) await new Promise(setImmediate);
    expect(calls).toEqual(['receive', 'datagram']);
    expect(socket.hasNews()).toBe(false);
    socket.takeIn();
    expect(calls).toEqual(['receive', 'datagram']);
    socket.resume();
    socket.takeIn();
    expect(calls.slice(2, 4)).toEqual(['datagram', 'receive']);
    while (!allHaveCome()) socket.takeIn();
  });

  test('goes on by itself after a moment', async () => {
    while (!allHaveCome()) await new Promise(setImmediate);
  });

  test('can be closed meanwhile', async () => {
    while (calls.length === 0) await new Promise(setImmediate);
    await socket.close();
    expect(allHaveCome()).toBe(false);
    socket.resume();
  });
});

test('a socket can be looked at, and delivers at once what it has', async () => {
  const received: number[] = [];
  let batches = 0;
  const socket = openOffloadSocket(REAL, {
    host: '127.0.0.1',
    onReceive: (_bytes, start, end) => received.push(end - start),
    onBatchEnd: () => batches++,
  });
  expect(socket.hasNews()).toBe(false);
  socket.send(socket.local, new Uint8Array(7), 0, 7);
  socket.flush();
  while (!socket.hasNews());
  expect(received).toEqual([]);
  socket.takeIn();
  expect(received).toEqual([7]);
  expect(batches).toBe(1);
  expect(socket.hasNews()).toBe(false);
  await socket.close();
  expect(socket.hasNews()).toBe(false);
});

describe('without koffi', () => {
  afterEach(() => reloadLibc());

  test('only the plain kind is there, and the other is refused', async () => {
    reloadLibc(() => {
      throw new Error('no koffi');
    });
    expect(availableUdpKinds()).toEqual(['plain']);
    const options = { host: '127.0.0.1', onReceive: () => undefined };
    const socket = await openUdpSocket(options);
    expect(socket.kind).toBe('plain');
    await socket.close();
    await expect(openUdpSocket({ ...options, kind: 'offload' })).rejects.toMatchObject({
      code: 'FLOWRING_NOT_SUPPORTED',
    });
  });

  test('a koffi that lacks a call counts as none', () => {
    reloadLibc(() => ({
      load: () => ({
        func: () => {
          throw new Error('no such symbol');
        },
      }),
    }));
    expect(availableUdpKinds()).toEqual(['plain']);
  });
});

import { afterEach, describe, expect, test } from '@jest/globals';
import type { OpenUdpSocketOptions, UdpKind } from '@flowring/datagram';
import { DATAGRAM_MAX_BYTES, openUdpSocket } from '@flowring/datagram';
import { LOOPBACK, openDescriptors, openEnd, pattern, UDP_KINDS, UdpEnd } from './datagram-ends.ts';
import { until } from './channel-ends.ts';

const CASES: [UdpKind, 4 | 6][] = UDP_KINDS.flatMap((kind) => [
  [kind, 4] as const,
  [kind, 6] as const,
]) as never;

describe.each(CASES)('a UDP socket of kind %s on IPv%i', (kind, family) => {
  const ends: UdpEnd[] = [];
  const open = async (options?: Partial<OpenUdpSocketOptions>): Promise<UdpEnd> => {
    const end = await openEnd(kind, family, options);
    ends.push(end);
    return end;
  };
  const openTwo = async (): Promise<[UdpEnd, UdpEnd]> => [await open(), await open()];

  afterEach(async () => {
    await Promise.all(ends.splice(0).map(({ socket }) => socket.close()));
  });

  test('is bound to the port the kernel chose, and says so', async () => {
    const { socket } = await open();
    expect(socket.kind).toBe(kind);
    expect(socket.local).toMatchObject({ host: LOOPBACK[family], family });
    expect(socket.local.port).toBeGreaterThan(0);
    expect(socket.receiveBufferBytes).toBeGreaterThan(0);
    expect(socket.sendBufferBytes).toBeGreaterThan(0);
  });

  // Loopback's MTU is 65,536 bytes: with do-not-fragment IPv6's headers leave a little less than the largest datagram.
  const carriedMaxBytes = kind === 'offload' && family === 6 ? 65_536 - 48 : DATAGRAM_MAX_BYTES;

  test.each([1, 2, 64, 1_200, 1_472, 16_384, carriedMaxBytes])(
    'carries a datagram of %i bytes whole, with the sender',
    async (bytes) => {
      const [a, b] = await openTwo();
      a.send(b, pattern(bytes));
      await until(() => b.received.length === 1);
      expect(b.received[0]!.bytes.equals(pattern(bytes))).toBe(true);
      expect(b.received[0]!.from).toMatchObject({ host: a.local.host, port: a.local.port, family });
    },
  );

  test('refuses a datagram no packet can hold', async () => {
    const [a, b] = await openTwo();
    expect(a.socket.reserve(DATAGRAM_MAX_BYTES + 1)).toBe(-1);
    expect(() => a.send(b, pattern(DATAGRAM_MAX_BYTES + 1))).toThrow('no room');
  });

  test('keeps the borders and the order of datagrams of all lengths sent at once', async () => {
    const [a, b] = await openTwo();
    const lengths = [1_200, 1_200, 1_200, 700, 1_200, 1, 1, 1, 9_000, 1_200, 9_000, 9_000, 3, 50_000, 2];
    const datagrams = lengths.map((bytes, index) => pattern(bytes, index));
    a.send(b, ...datagrams);
    await until(() => b.received.length === lengths.length);
    expect(b.received.map(({ bytes }) => bytes.length)).toEqual(lengths);
    expect(b.received.every(({ bytes }, index) => bytes.equals(datagrams[index]!))).toBe(true);
  });

  test('carries hundreds of datagrams of one length sent at once', async () => {
    const [a, b] = await openTwo();
    const datagrams = Array.from({ length: 300 }, (_, index) => pattern(1_000, index));
    a.send(b, ...datagrams);
    await until(() => b.received.length === 300);
    expect(b.received.every(({ bytes }, index) => bytes.equals(datagrams[index]!))).toBe(true);
  });

  test('sends to several peers in one batch, to each what is its own', async () => {
    const [a, b] = await openTwo();
    const c = await open();
    for (let index = 0; index < 20; index++) {
      const to = a.nameOf(index % 3 === 0 ? b : c);
      a.socket.send(to, pattern(500, index), 0, 500);
    }
    a.socket.flush();
    await until(() => b.received.length === 7 && c.received.length === 13);
    expect(b.received.map(({ bytes }) => bytes[0])).toEqual([0, 3, 6, 9, 12, 15, 18]);
    expect(c.received[1]!.bytes[0]).toBe(2);
  });

  test('sends a datagram written into its own room, and only what was committed of it', async () => {
    const [a, b] = await openTwo();
    const at = a.socket.reserve(1_000);
    a.socket.outgoing.fill(5, at, at + 1_000);
    a.socket.commit(a.nameOf(b), 10);
    a.socket.reserve(1_000);
    a.socket.flush();
    a.send(b, pattern(1));
    await until(() => b.received.length === 2);
    expect(b.received.map(({ bytes }) => bytes.length)).toEqual([10, 1]);
  });

  test('sends nothing before a flush', async () => {
    const [a, b] = await openTwo();
    a.socket.send(a.nameOf(b), pattern(10), 0, 10);
    b.send(a, pattern(1));
    await until(() => a.received.length === 1);
    expect(b.received).toEqual([]);
    expect(a.socket.counters.sent).toBe(0);
  });

  test('gives one peer as one object, and different ports as different ones', async () => {
    const [a, b] = await openTwo();
    const c = await open();
    a.send(b, pattern(1), pattern(2));
    c.send(b, pattern(3));
    a.send(b, pattern(1));
    await until(() => b.received.length === 4);
    const fromA = b.received.filter(({ from }) => from.port === a.local.port).map(({ from }) => from);
    expect(fromA).toHaveLength(3);
    expect(new Set(fromA).size).toBe(1);
    expect(fromA[0]).toBe(b.nameOf(a));
    expect(b.nameOf(c)).not.toBe(fromA[0]);
  });

  test('answers the object it was given', async () => {
    const b = await open();
    const a: UdpEnd = await open({
      onReceive: (bytes, start, end, from) => {
        a.socket.send(from, bytes, start, end);
        a.socket.flush();
      },
    });
    b.send(a, pattern(100));
    await until(() => b.received.length === 1);
    expect(b.received[0]!.bytes.equals(pattern(100))).toBe(true);
  });

  test('tells the end of a batch, once for several datagrams', async () => {
    const [a, b] = await openTwo();
    a.send(b, ...Array.from({ length: 20 }, () => pattern(100)));
    await until(() => b.received.length === 20 && b.batchEnds > 0);
    expect(b.batchEnds).toBeLessThan(20);
  });

  test('counts what it sends and receives', async () => {
    const [a, b] = await openTwo();
    a.send(b, pattern(10), pattern(10), pattern(5));
    await until(() => b.received.length === 3);
    expect(a.socket.counters).toMatchObject({ sent: 3, refused: 0, blocked: 0 });
    expect(b.socket.counters).toMatchObject({ received: 3, truncated: 0 });
    expect(b.socket.counters.receivedMessages).toBeGreaterThan(0);
  });

  test('sends what was flushed before it closes', async () => {
    const [a, b] = await openTwo();
    for (let index = 0; index < 50; index++) a.socket.send(a.nameOf(b), pattern(900), 0, 900);
    await a.socket.close();
    await until(() => b.received.length === 50);
  });

  test('does nothing once closed', async () => {
    const [a, b] = await openTwo();
    const name = a.nameOf(b);
    await a.socket.close();
    await a.socket.close();
    expect(a.socket.send(name, pattern(1), 0, 1)).toBe(false);
    a.socket.commit(name, 1);
    a.socket.flush();
    a.socket.ref();
    a.socket.unref();
    expect(a.socket.payloadMaxBytes(name)).toBe(0);
    expect(a.errors).toEqual([]);
  });

  test('gives no datagram after close, though more lie in its buffer', async () => {
    const a = await open();
    const b: UdpEnd = await open({
      onReceive: () => {
        b.batchEnds++;
        void b.socket.close();
      },
    });
    a.send(b, pattern(1), pattern(1), pattern(1));
    await until(() => b.batchEnds > 0);
    await b.socket.close();
    expect(b.batchEnds).toBe(1);
  });

  test('frees its port and its descriptors', async () => {
    await (await openEnd(kind, family)).socket.close();
    const before = openDescriptors();
    const first = await openEnd(kind, family);
    const { port } = first.local;
    await first.socket.close();
    for (let index = 0; index < 50; index++) await (await openEnd(kind, family, { port })).socket.close();
    expect(openDescriptors()).toBe(before);
  });

  test('rejects a port in use', async () => {
    const { local } = await open();
    await expect(openEnd(kind, family, { port: local.port })).rejects.toMatchObject({
      code: 'FLOWRING_ADDRESS_IN_USE',
      details: { reason: 'EADDRINUSE', port: local.port },
    });
  });

  test("rejects an address that is not this host's", async () => {
    const host = family === 4 ? '192.0.2.1' : '2001:db8::1';
    await expect(openEnd(kind, family, { host })).rejects.toMatchObject({
      code: 'FLOWRING_ADDRESS_NOT_AVAILABLE',
    });
  });

  test.each(['localhost', '', '1.2.3', '::1%'])('rejects %p, which is no address', async (host) => {
    await expect(openEnd(kind, family, { host })).rejects.toMatchObject({
      code: 'FLOWRING_INVALID_ARGUMENT',
    });
  });

  test('throws for a peer of the other family, of no address, or of no port', async () => {
    const { socket } = await open();
    const other = family === 4 ? '::1' : '127.0.0.1';
    for (const [host, port] of [
      [other, 1],
      ['host', 1],
      [LOOPBACK[family], 0],
      [LOOPBACK[family], 65_536],
      [LOOPBACK[family], 1.5],
    ] as const) {
      expect(() => socket.address(host, port)).toThrow(
        expect.objectContaining({ code: 'FLOWRING_INVALID_ARGUMENT' }),
      );
    }
  });

  test('reports a datagram that cannot leave, and goes on', async () => {
    const [a, b] = await openTwo();
    // Broadcast is not allowed on our sockets, and IPv4 is not reached from our IPv6.
    const nowhere = a.socket.address(family === 4 ? '255.255.255.255' : '::ffff:127.0.0.1', 9);
    a.socket.send(nowhere, pattern(10), 0, 10);
    a.send(b, pattern(20));
    await until(() => a.errors.length === 1 && b.received.length === 1);
    expect(a.errors[0]!.errno).toBeGreaterThan(0);
    expect(a.errors[0]!.code).toMatch(/^E[A-Z]+$/);
    expect(a.errors[0]!.peer).toBe(nowhere);
    expect(a.socket.counters).toMatchObject({ refused: 1, sent: 1 });
  });
});

describe.each([4, 6] as const)('a UDP socket with offloads on IPv%i', (family) => {
  const ends: UdpEnd[] = [];
  const open = async (): Promise<UdpEnd> => {
    const end = await openEnd('offload', family);
    ends.push(end);
    return end;
  };
  const testOffload = UDP_KINDS.includes('offload') ? test : test.skip;

  afterEach(async () => {
    await Promise.all(ends.splice(0).map(({ socket }) => socket.close()));
  });

  testOffload('sends a batch in one call, and receives it in few messages', async () => {
    const [a, b] = [await open(), await open()];
    a.send(b, ...Array.from({ length: 50 }, () => pattern(1_200)));
    await until(() => b.received.length === 50);
    expect(a.socket.counters).toMatchObject({ sent: 50, sendCalls: 1 });
    expect(b.socket.counters.receivedMessages).toBeLessThan(50);
  });

  testOffload('reports whom nobody listens for, and goes on with others at once', async () => {
    const [a, b] = [await open(), await open()];
    const gone = await open();
    const nobody = a.nameOf(gone);
    await gone.socket.close();
    a.socket.send(nobody, pattern(10), 0, 10);
    a.socket.flush();
    for (let index = 0; index < 10; index++) a.send(b, pattern(100, index));
    await until(() => a.errors.length > 0 && b.received.length === 10);
    expect(a.errors).toEqual([{ code: 'ECONNREFUSED', errno: 111, peer: nobody, payloadMaxBytes: 0 }]);
    expect(a.errors[0]!.peer).toBe(nobody);
    expect(a.socket.counters.refused).toBe(0);
  });

  testOffload('tells while it only listens whom nobody listens for', async () => {
    const [a, gone] = [await open(), await open()];
    const nobody = a.nameOf(gone);
    await gone.socket.close();
    for (let round = 1; round <= 3; round++) {
      a.socket.send(nobody, pattern(10), 0, 10);
      a.socket.flush();
      await until(() => a.errors.length === round);
    }
    expect(a.errors.every(({ peer }) => peer === nobody)).toBe(true);
  });

  testOffload('knows what the route carries, and reports what does not fit the link', async () => {
    const [a, b] = [await open(), await open()];
    const carried = Math.min(DATAGRAM_MAX_BYTES, 65_536 - (family === 4 ? 28 : 48));
    expect(a.socket.payloadMaxBytes(a.nameOf(b))).toBe(carried);
    if (family === 4) return;
    a.send(b, pattern(carried + 1), pattern(5));
    await until(() => b.received.length === 1);
    expect(b.received[0]!.bytes.length).toBe(5);
    await until(() => a.errors.length === 1);
    expect(a.errors[0]).toEqual({ code: 'EMSGSIZE', errno: 90, peer: a.nameOf(b), payloadMaxBytes: carried });
    expect(a.socket.counters).toMatchObject({ sent: 1, refused: 1 });
  });

  testOffload('gives what the kernel joined in one piece to who asks for it', async () => {
    const runs: number[][] = [];
    const a = await open();
    const b = await openEnd('offload', family, {
      onReceive: (_bytes, start, end) => runs.push([end - start]),
      onReceiveRun: (_bytes, start, end, from, segmentBytes) => {
        expect(from.port).toBe(a.local.port);
        runs.push([end - start, segmentBytes]);
      },
    });
    ends.push(b);
    a.send(b, pattern(7), ...Array.from({ length: 20 }, () => pattern(1_000)), pattern(30));
    const received = () => b.socket.counters.received === 22;
    await until(received);
    expect(runs).toEqual([[7], [20_030, 1_000]]);
  });

  testOffload('gives the event loop its turn between batches of some hundred kilobytes', async () => {
    const batches: number[] = [0];
    const a = await open();
    const b = await openEnd('offload', family, {
      onReceive: (_bytes, start, end) => (batches[batches.length - 1]! += end - start),
      onBatchEnd: () => batches.push(0),
    });
    ends.push(b);
    const [bytes, count] = [1_200, 1_500];
    for (let index = 0; index < count; index++) a.socket.send(a.nameOf(b), pattern(bytes), 0, bytes);
    a.socket.flush();
    const sum = (): number => batches.reduce((total, one) => total + one, 0);
    await until(() => sum() === count * bytes);
    expect(batches.length).toBeGreaterThan(3);
    expect(Math.max(...batches)).toBeLessThan(700_000);
  });

  testOffload('counts what found its receive buffer full', async () => {
    const small = await openEnd('offload', family, { receiveBufferBytes: 4_096 });
    ends.push(small);
    const a = await open();
    for (let index = 0; index < 100; index++) {
      a.socket.send(a.nameOf(small), pattern(1_000 + index), 0, 1_000 + index);
    }
    a.socket.flush();
    await until(() => small.received.length > 0);
    expect(small.socket.counters.dropped).toBe(100 - small.received.length);
    expect(small.socket.counters.dropped).toBeGreaterThan(0);
  });
});

test('without a kind, opens the best there is', async () => {
  const socket = await openUdpSocket({ host: '127.0.0.1', onReceive: () => undefined });
  expect(socket.kind).toBe(process.env['FLOWRING_DATAGRAM'] ?? UDP_KINDS[0]);
  await socket.close();
});

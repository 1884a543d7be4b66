import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import type { Out, Timespec } from '../src/posix/timespec.ts';
import * as c from '../src/posix/constants.ts';
import type { PosixCalls } from '../src/posix/calls.ts';
import { createPosixCalls } from '../src/posix/calls.ts';
import type { QosSpec } from '../src/index.ts';
import { createTestLayer } from '../src/testing.ts';
import { eventually } from './support.ts';

interface Ends {
  readonly near: PosixCalls;
  readonly far: PosixCalls;
  readonly fd: number;
  readonly farFd: number;
  kill(): void;
  queued(): number;
}

async function ends(qs: QosSpec = qosCubes.raw): Promise<Ends> {
  const layer = createTestLayer();
  const [client, server] = [layer.process(), layer.process()];
  await server.bind('echo');
  const [near, far] = [createPosixCalls(client), createPosixCalls(server)];
  const accepting = far.flow_accept(null, null);
  const fd = await near.flow_alloc('echo', qs, null);
  const farFd = await accepting;
  const queued = (): number => {
    const out: Out<number> = {};
    far.fccntl(farFd, c.FLOWGRXQLEN, out);
    return out.value!;
  };
  return { near, far, fd, farFd, kill: () => layer.kill(client), queued };
}

const at = (ms: number): Timespec => ({ tv_sec: 0, tv_nsec: ms * 1e6 });
const send = ({ near, fd }: Ends, words: string): Promise<number> => near.flow_write(fd, Buffer.from(words));

describe('descriptors', () => {
  test('count from 64, lowest free first', async () => {
    const { near, fd } = await ends();
    expect(fd).toBe(64);
    expect(await near.flow_dealloc(fd)).toBe(0);
    expect(await near.flow_dealloc(fd)).toBe(-c.ENOTALLOC);
  });

  test.each([-1, 4_096, 10_239, 10_240, 1.5, NaN])('%d is not one', async (fd) => {
    const { near } = await ends();
    expect(await near.flow_read(fd, Buffer.alloc(1))).toBe(-c.EBADF);
    expect(await near.flow_write(fd, Buffer.alloc(1))).toBe(-c.EBADF);
    expect(await near.flow_dealloc(fd)).toBe(-c.EBADF);
    expect(near.fccntl(fd, c.FLOWGFLAGS, {})).toBe(-c.EBADF);
    expect(near.fset_add(near.fset_create(), fd)).toBe(-c.EINVAL);
  });

  test('an unused one is not allocated', async () => {
    const { near } = await ends();
    expect(await near.flow_read(99, Buffer.alloc(1))).toBe(-c.ENOTALLOC);
    expect(await near.flow_write(99, Buffer.alloc(1))).toBe(-c.ENOTALLOC);
    expect(near.fccntl(99, c.FLOWGFLAGS, {})).toBe(-c.ENOTALLOC);
  });
});

describe('flow_alloc and flow_accept', () => {
  test('give -ENAME for an unknown name and -ETIMEDOUT at the time asked for', async () => {
    const { near, far } = await ends();
    expect(await near.flow_alloc('nobody')).toBe(-c.ENAME);
    expect(await near.flow_alloc('echo', null, at(10))).toBe(-c.ETIMEDOUT);
    expect(await far.flow_accept(null, at(0))).toBe(-c.ETIMEDOUT);
    expect(await near.flow_alloc('echo', null, { tv_sec: -1, tv_nsec: 0 })).toBe(-c.EINVAL);
    expect(await near.flow_join('layer')).toBe(-c.ENOTSUP);
  });
});

describe('flow_read', () => {
  test('gives a shorter message whole', async () => {
    const e = await ends();
    expect(await send(e, 'abc')).toBe(3);
    const buf = Buffer.alloc(8);
    expect(await e.far.flow_read(e.farFd, buf)).toBe(3);
    expect(buf.toString('latin1', 0, 3)).toBe('abc');
  });

  test('marks the end of a message of exactly the size with 0', async () => {
    const e = await ends();
    await send(e, 'abcd');
    await send(e, 'ef');
    const buf = Buffer.alloc(4);
    const got = [];
    for (let i = 0; i < 3; i++) got.push(await e.far.flow_read(e.farFd, buf));
    expect(got).toEqual([4, 0, 2]);
  });

  test('delivers the rest of a longer message', async () => {
    const e = await ends();
    await send(e, '0123456789');
    const buf = Buffer.alloc(4);
    const parts = [];
    for (let i = 0; i < 3; i++) {
      const n = await e.far.flow_read(e.farFd, buf);
      parts.push(buf.toString('latin1', 0, n));
    }
    expect(parts).toEqual(['0123', '4567', '89']);
  });

  test('takes the mark with a NULL read', async () => {
    const e = await ends();
    await send(e, 'abcd');
    await send(e, 'x');
    expect(await e.far.flow_read(e.farFd, Buffer.alloc(4))).toBe(4);
    expect(await e.far.flow_read(e.farFd, null, 0)).toBe(0);
    expect(await e.far.flow_read(e.farFd, Buffer.alloc(4))).toBe(1);
  });

  test('discards a message that is too long in whole-message mode', async () => {
    const e = await ends();
    expect(e.far.fccntl(e.farFd, c.FLOWSFLAGS, c.FLOWFRDWR | c.FLOWFRNOPART)).toBe(0);
    await send(e, '0123456789');
    await send(e, 'abcd');
    expect(await e.far.flow_read(e.farFd, Buffer.alloc(4))).toBe(-c.EMSGSIZE);
    expect(await e.far.flow_read(e.farFd, Buffer.alloc(4))).toBe(4);
    await send(e, 'x');
    expect(await e.far.flow_read(e.farFd, Buffer.alloc(4))).toBe(1);
  });

  test('gives -EAGAIN when told not to block, and does not stop at an empty message', async () => {
    const e = await ends();
    e.far.fccntl(e.farFd, c.FLOWSFLAGS, c.FLOWFRDWR | c.FLOWFRNOBLOCK);
    expect(await e.far.flow_read(e.farFd, Buffer.alloc(4))).toBe(-c.EAGAIN);
    await send(e, '');
    await send(e, 'x');
    await eventually(() => e.queued() === 2, 'both arrive');
    expect(await e.far.flow_read(e.farFd, Buffer.alloc(4))).toBe(1);
  });

  test('gives -ETIMEDOUT after the receive timeout', async () => {
    const { near, fd } = await ends();
    expect(near.fccntl(fd, c.FLOWSRCVTIMEO, at(5))).toBe(0);
    expect(await near.flow_read(fd, Buffer.alloc(4))).toBe(-c.ETIMEDOUT);
  });

  test('gives the data, then -EFLOWDOWN after a dealloc, again and again', async () => {
    const e = await ends();
    await send(e, 'x');
    await e.near.flow_dealloc(e.fd);
    const buf = Buffer.alloc(4);
    const got = [];
    for (let i = 0; i < 3; i++) got.push(await e.far.flow_read(e.farFd, buf));
    expect(got).toEqual([1, -c.EFLOWDOWN, -c.EFLOWDOWN]);
    expect(await e.far.flow_write(e.farFd, buf)).toBe(-c.EFLOWDOWN);
  });

  test('ends while blocked, with -EFLOWPEER, when the peer dies', async () => {
    const e = await ends();
    const reading = e.far.flow_read(e.farFd, Buffer.alloc(4));
    e.kill();
    expect(await reading).toBe(-c.EFLOWPEER);
  });

  test('ends while blocked, with -EFLOWDOWN, when the flow is set down', async () => {
    const { near, fd } = await ends();
    const reading = near.flow_read(fd, Buffer.alloc(4));
    near.fccntl(fd, c.FLOWSFLAGS, c.FLOWFRDWR | c.FLOWFDOWN);
    expect(await reading).toBe(-c.EFLOWDOWN);
    expect(await near.flow_write(fd, Buffer.alloc(1))).toBe(-c.EFLOWDOWN);
    near.fccntl(fd, c.FLOWSFLAGS, c.FLOWFRDWR);
    expect(await near.flow_write(fd, Buffer.alloc(1))).toBe(1);
  });
});

describe('flow_write', () => {
  test('checks its arguments in order', async () => {
    const { near, fd } = await ends();
    expect(await near.flow_write(-1, null, 1)).toBe(-c.EINVAL);
    expect(await near.flow_write(fd, null, 0)).toBe(0);
    expect(await near.flow_write(fd, Buffer.alloc(1_048_577))).toBe(-c.EMSGSIZE);
    near.fccntl(fd, c.FLOWSFLAGS, c.FLOWFRDONLY);
    expect(await near.flow_write(fd, Buffer.alloc(1))).toBe(-c.EPERM);
  });

  test('says -EAGAIN or -ETIMEDOUT when there is no room, and drops nothing', async () => {
    const e = await ends();
    e.near.fccntl(e.fd, c.FLOWSFLAGS, c.FLOWFRDWR | c.FLOWFWNOBLOCK);
    const block = Buffer.alloc(10_000);
    let sent = 0;
    while ((await e.near.flow_write(e.fd, block)) > 0) sent++;
    expect(await e.near.flow_write(e.fd, block)).toBe(-c.EAGAIN);
    e.near.fccntl(e.fd, c.FLOWSFLAGS, c.FLOWFRDWR);
    e.near.fccntl(e.fd, c.FLOWSSNDTIMEO, at(5));
    expect(await e.near.flow_write(e.fd, block)).toBe(-c.ETIMEDOUT);
    await eventually(() => e.queued() === sent, 'all that was accepted arrives');
  });
});

describe('fccntl', () => {
  test('knows the flags of a new flow and refuses access mode 3', async () => {
    const { near, fd } = await ends();
    const out: Out<number> = {};
    expect(near.fccntl(fd, c.FLOWGFLAGS, out)).toBe(0);
    expect(out.value).toBe(0o20002);
    expect(near.fccntl(fd, c.FLOWSFLAGS, 3)).toBe(-c.EINVAL);
    expect(near.fccntl(fd, 0o77, out)).toBe(-c.ENOTSUP);
    expect(near.fccntl(fd, c.FLOWGFLAGS, null)).toBe(-c.EINVAL);
  });

  test('sets, gets and clears timeouts', async () => {
    const { near, fd } = await ends();
    const out: Out<Timespec> = {};
    for (const [set, get] of [
      [c.FLOWSRCVTIMEO, c.FLOWGRCVTIMEO],
      [c.FLOWSSNDTIMEO, c.FLOWGSNDTIMEO],
    ] as const) {
      expect(near.fccntl(fd, get, out)).toBe(-c.EPERM);
      near.fccntl(fd, set, { tv_sec: 2, tv_nsec: 500_000_000 });
      expect(near.fccntl(fd, get, out)).toBe(0);
      expect(out.value).toEqual({ tv_sec: 2, tv_nsec: 500_000_000 });
      near.fccntl(fd, set, null);
      expect(near.fccntl(fd, get, out)).toBe(-c.EPERM);
    }
  });

  test('gives the QoS and the queue lengths', async () => {
    const e = await ends(qosCubes.voice);
    const qos: Out<QosSpec> = {};
    expect(e.near.fccntl(e.fd, c.FLOWGQOSSPEC, qos)).toBe(0);
    expect(qos.value).toEqual(qosCubes.voice);
    const length: Out<number> = {};
    expect(e.near.fccntl(e.fd, c.FLOWGTXQLEN, length)).toBe(0);
    expect(length.value).toBe(0);
    await send(e, 'x');
    await eventually(() => e.queued() === 1, 'it arrives');
  });

  test.each([
    ['raw', -c.EPERM, undefined],
    ['bestEffort', 0, c.FRCTFRESCNTL],
    ['data', 0, c.FRCTFRTX | c.FRCTFRESCNTL | c.FRCTFLINGER],
  ] as const)('gives the FRCT flags of %s', async (cube, result, flags) => {
    const { near, fd } = await ends(qosCubes[cube]);
    const out: Out<number> = {};
    expect(near.fccntl(fd, c.FRCTGFLAGS, out)).toBe(result);
    expect(out.value).toBe(flags);
  });

  test('sets and clears linger', async () => {
    const { near, fd } = await ends(qosCubes.data);
    expect(near.fccntl(fd, c.FRCTSFLAGS, 3)).toBe(0);
    expect(near.fccntl(fd, c.FRCTSFLAGS, 7)).toBe(0);
    expect(near.fccntl(fd, c.FRCTSFLAGS, 0)).toBe(-c.ENOTSUP);
  });
});

describe('fevent', () => {
  test('collects what happened, and the queue gives it in order', async () => {
    const e = await ends();
    const [set, fq] = [e.far.fset_create(), e.far.fqueue_create()];
    expect(e.far.fset_add(set, e.farFd)).toBe(0);
    expect(e.far.fset_add(set, e.farFd)).toBe(-c.EPERM);
    expect(e.far.fset_has(set, e.farFd)).toBe(true);
    expect(await e.far.fevent(set, fq, at(0))).toBe(-c.ETIMEDOUT);
    expect(e.far.fqueue_type(fq)).toBe(-c.EPERM);
    await send(e, 'x');
    await e.near.flow_dealloc(e.fd);
    await eventually(() => e.queued() === 1, 'it arrives');
    const told: [number, number][] = [];
    while (told.length < 2) {
      expect(await e.far.fevent(set, fq, null)).toBe(1);
      for (let fd = e.far.fqueue_next(fq); fd > 0; fd = e.far.fqueue_next(fq)) {
        const type = e.far.fqueue_type(fq);
        if (!told.some((one) => one[1] === type)) told.push([fd, type]);
      }
    }
    expect(told).toEqual([
      [e.farFd, c.FLOW_PKT],
      [e.farFd, c.FLOW_DEALLOC],
    ]);
    expect(e.far.fset_del(set, e.farFd)).toBe(0);
    expect(e.far.fset_has(set, e.farFd)).toBe(false);
  });

  test('refuses NULL', async () => {
    const { near } = await ends();
    expect(await near.fevent(null, near.fqueue_create())).toBe(-c.EINVAL);
    expect(await near.fevent(near.fset_create(), null)).toBe(-c.EINVAL);
    expect(near.fqueue_next(null)).toBe(-c.EINVAL);
    near.fset_destroy(null);
    near.fset_zero(null);
    near.fqueue_destroy(null);
  });
});

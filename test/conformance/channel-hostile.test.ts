import fs from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '@flowring/common';
import { createChannelFiles, openChannel, removeChannelFiles } from '@flowring/channel';
import type { End } from './channel-ends.ts';
import { REAL_KINDS, TOKEN, channelFolder, endOf, until } from './channel-ends.ts';

const RING_BYTES = 65_536;
const SEEDS = 200;

/** A small generator of numbers below 2^32, so that a seed tells the whole run. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state ^ (state >>> 15)) >>> 0;
  };
}

/** Overwrites words of the ring file from outside: header words, ring bytes, or both. */
function corrupt(fd: number, next: () => number): void {
  const bytes = 4_096 + 2 * RING_BYTES;
  for (let i = next() % 24; i >= 0; i--) {
    const inHeader = next() % 2 === 0;
    // Words of a direction are 128 bytes apart, from 1,024 and from 2,048.
    const at = inHeader
      ? 1_024 * (1 + (next() % 2)) + 128 * (next() % 5)
      : 4_096 + (next() % (bytes - 4_100));
    const small = next() % 3 === 0;
    fs.writeSync(fd, Int32Array.of(small ? next() % 300_000 : next()), 0, 4, inHeader ? at : at & ~3);
  }
}

function keepSending(end: End, bytes: number): void {
  const message = Buffer.alloc(bytes, 7);
  for (const id of [1, 2, 3]) {
    const inlet = end.attach(id);
    inlet.onMessage = (_slab, start, finish) => inlet.port.consumed(finish - start);
    inlet.onWritableDo = () => {
      for (let i = 0; i < 50 && inlet.port.trySend(message) === 'sent'; i++);
    };
    inlet.onWritableDo();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const describeShm = REAL_KINDS.includes('shm') ? describe : describe.skip;

describeShm('a shared-memory channel whose memory the peer corrupts', () => {
  test(`neither throws nor hangs, over ${SEEDS} seeds, and closes`, async () => {
    const { prefix, remove } = channelFolder();
    let broken = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const next = generator(seed);
      createChannelFiles(prefix, 'shm', RING_BYTES);
      const spec = { id: 1, kind: 'shm', path: prefix, ringBytes: RING_BYTES, token: TOKEN } as const;
      const a = endOf((events) => openChannel({ spec: { ...spec, side: 'a' }, events }));
      const copiesAtOnce = seed % 2 === 0;
      const b = endOf((events) => openChannel({ spec: { ...spec, side: 'b' }, events, copiesAtOnce }));
      const fd = fs.openSync(`${prefix}.ring`, 'r+');
      for (const end of [a, b]) keepSending(end, [10, 700, 7_000, 20_000][next() % 4]!);
      for (let round = 0; round < 20; round++) {
        corrupt(fd, next);
        await turn();
      }
      if (a.downs[0] === 'broken' || b.downs[0] === 'broken') broken++;
      a.channel.close();
      b.channel.close();
      await until(() => a.downs.length === 1 && b.downs.length === 1);
      fs.closeSync(fd);
      removeChannelFiles(prefix, 'shm');
    }
    remove();
    // The corruption did reach the checks.
    expect(broken).toBeGreaterThan(SEEDS / 4);
  }, 60_000);

  test('is refused when the file has not the size or the head agreed', () => {
    const { prefix, remove } = channelFolder();
    createChannelFiles(prefix, 'shm', RING_BYTES);
    const spec = {
      id: 1,
      kind: 'shm',
      side: 'a',
      path: prefix,
      ringBytes: RING_BYTES,
      token: TOKEN,
    } as const;
    const open = (ringBytes: number) => () =>
      openChannel({ spec: { ...spec, ringBytes }, events: { onUp() {}, onDown() {} } });
    const refused = expect.objectContaining({ code: 'FLOWRING_CHANNEL' });
    expect(open(2 * RING_BYTES)).toThrow(refused);
    fs.writeFileSync(`${prefix}.ring`, Buffer.alloc(4_096 + 2 * RING_BYTES));
    expect(open(RING_BYTES)).toThrow(refused);
    fs.truncateSync(`${prefix}.ring`, 100);
    expect(open(RING_BYTES)).toThrow(refused);
    remove();
    expect(open(RING_BYTES)).toThrow(refused);
  });

  test('does not follow a link in place of its files, and takes no file that exists', () => {
    const { prefix, remove } = channelFolder();
    const refused = expect.objectContaining({ code: 'FLOWRING_CHANNEL' });
    fs.symlinkSync('/dev/null', `${prefix}.b`);
    expect(() => createChannelFiles(prefix, 'shm', LIMITS.ringBytes)).toThrow(refused);
    expect(fs.readdirSync(prefix.slice(0, -2))).toEqual(['c.b']);
    remove();
  });
});

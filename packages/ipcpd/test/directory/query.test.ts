import { fc } from '@fast-check/jest';
import { describe, expect, test } from '@jest/globals';
import { decodeDirectoryPdu, encodeDirectoryPdu } from '../../src/core/directory/directory-pdu.ts';
import { CACHED_NAMES_MAX } from '../../src/core/directory/name-cache.ts';
import { LOOKUPS_PER_QUERY_MAX, QUERIES_MAX, QueryDirectory } from '../../src/core/directory/query.ts';
import { QueryWorld } from './query-world.ts';

const TRIANGLE = { a: ['b', 'c'], b: ['a', 'c'], c: ['a', 'b'] };

describe('a directory that asks', () => {
  test('finds the peer that has a name, and knows it without asking for 30 s', () => {
    const world = new QueryWorld(TRIANGLE);
    world.input('b', { t: 'register', name: 'n' });
    expect(world.ask('a', 'n')).toBe('b');
    const { sent } = world;
    world.run(19_000);
    expect([world.ask('a', 'n'), world.sent]).toEqual(['b', sent]);
    world.run(2_000);
    expect(world.ask('a', 'n')).toBe('b');
    expect(world.sent).toBeGreaterThan(sent);
  });

  //= R-DIR-01
  test('answers for a name of its own with itself, without asking', () => {
    const world = new QueryWorld(TRIANGLE);
    world.input('a', { t: 'register', name: 'n' });
    expect([world.ask('a', 'n'), world.sent]).toEqual(['a', 0]);
  });

  test('says that nobody has a name as soon as all have said no, and believes it for 1 s', () => {
    const world = new QueryWorld(TRIANGLE);
    expect(world.ask('a', 'n', 2)).toBeNull();
    world.input('b', { t: 'register', name: 'n' });
    expect(world.ask('a', 'n', 2)).toBeNull();
    world.run(1_000);
    expect(world.ask('a', 'n', 2)).toBe('b');
  });

  test('asks once for many lookups of one name', () => {
    const world = new QueryWorld({ a: ['b'], b: [] });
    world.input('b', { t: 'register', name: 'n' });
    const tickets = [1, 2, 3].map(() => world.lookup('a', 'n'));
    world.run(5);
    expect(tickets.map((ticket) => world.answers.get(ticket))).toEqual(['b', 'b', 'b']);
    expect(world.sent).toBe(2);
  });

  //= R-DIR-06
  test('finds a name through 30% loss each way, 1,000 times of 1,000', () => {
    let state = 7;
    const draw = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 0x1_0000_0000;
    let found = 0;
    for (let trial = 0; trial < 1_000; trial += 1) {
      const world = new QueryWorld({ a: ['b'], b: [] });
      world.lost = () => draw() < 0.3;
      world.input('b', { t: 'register', name: 'n' });
      if (world.ask('a', 'n') === 'b') found += 1;
    }
    expect(found).toBe(1_000);
  });

  //= R-DIR-07
  test('takes the first that says yes, and the next when that fails', () => {
    const world = new QueryWorld(TRIANGLE);
    for (const at of ['b', 'c']) world.input(at, { t: 'register', name: 'n' });
    expect(world.ask('a', 'n')).toBe('b');
    const { sent } = world;
    world.input('a', { t: 'failed', name: 'n', peer: 'b' });
    expect([world.ask('a', 'n'), world.sent]).toEqual(['c', sent]);
    world.input('a', { t: 'failed', name: 'n', peer: 'c' });
    expect(world.ask('a', 'n')).toBe('b');
  });

  test('asks anew when the only one failed while others had not answered', () => {
    const world = new QueryWorld(TRIANGLE);
    world.lost = (_, to) => to === 'c';
    world.input('b', { t: 'register', name: 'n' });
    expect(world.ask('a', 'n', 3)).toBe('b');
    world.input('a', { t: 'failed', name: 'n', peer: 'b' });
    expect(world.ask('a', 'n', 3)).toBe('b');
  });

  test('fails when no peer answers', () => {
    const world = new QueryWorld({ a: ['b'], b: [] });
    world.lost = () => true;
    expect(world.ask('a', 'n', 3_999)).toBeUndefined();
    expect(world.ask('a', 'n', 1)).toBe('silent');
  });

  test('waits 4 s for a silent peer once, and half a second when it was silent before', () => {
    const world = new QueryWorld(TRIANGLE);
    world.lost = (_, to) => to === 'c';
    expect(world.ask('a', 'n', 3_999)).toBeUndefined();
    expect(world.ask('a', 'n', 1)).toBeNull();
    expect(world.ask('a', 'm', 400)).toBeUndefined();
    expect(world.ask('a', 'm', 200)).toBeNull();
  });

  //= R-DIR-05
  test('ignores answers that nobody waits for, or from somebody who was not asked', () => {
    const directory = new QueryDirectory({ self: 'a', peers: ['b'], random: () => 5 });
    const [asked] = directory.handle({ t: 'lookup', name: 'n', ticket: 1 }, 0);
    const { id } = decodeDirectoryPdu((asked as { pdu: Uint8Array }).pdu)!;
    const yes = encodeDirectoryPdu({ t: 'answer', id, has: true });
    const other = encodeDirectoryPdu({ t: 'answer', id: '12345678', has: true });
    expect(directory.handle({ t: 'pdu', peer: 'x', pdu: yes }, 1)).toEqual([]);
    expect(directory.handle({ t: 'pdu', peer: 'b', pdu: other }, 2)).toEqual([]);
    expect(directory.stats.answersStray).toBe(2);
    expect(directory.handle({ t: 'pdu', peer: 'b', pdu: yes }, 3)).toEqual([
      { t: 'found', ticket: 1, peer: 'b' },
    ]);
    expect(directory.handle({ t: 'pdu', peer: 'b', pdu: yes }, 4)).toEqual([]);
  });

  test('leaves nothing behind but what it remembers', () => {
    const world = new QueryWorld(TRIANGLE);
    world.input('b', { t: 'register', name: 'n' });
    world.ask('a', 'n');
    expect(world.directories.get('a')!.inspect()).toEqual({ names: 0, cached: 1, queries: 0, timers: 0 });
  });

  //= R-DIR-08
  test('bounds the names asked for, the lookups that wait for one, and the names remembered', () => {
    const directory = new QueryDirectory({ self: 'a', peers: ['b'], random: counted() });
    for (let i = 0; i < QUERIES_MAX; i += 1) directory.handle({ t: 'lookup', name: `n${i}`, ticket: i }, 0);
    const refused = [{ t: 'failed', ticket: 1, reason: 'too-many' }];
    expect(directory.handle({ t: 'lookup', name: 'more', ticket: 1 }, 0)).toEqual(refused);
    for (let i = 1; i < LOOKUPS_PER_QUERY_MAX; i += 1)
      directory.handle({ t: 'lookup', name: 'n0', ticket: i }, 0);
    expect(directory.handle({ t: 'lookup', name: 'n0', ticket: 1 }, 0)).toEqual(refused);
    expect(directory.inspect()).toMatchObject({ queries: QUERIES_MAX, timers: QUERIES_MAX });

    const world = new QueryWorld({ a: ['b'], b: [] });
    for (let i = 0; i <= CACHED_NAMES_MAX; i += 1) world.ask('a', `n${i}`, 3);
    expect(world.directories.get('a')!.inspect()).toMatchObject({ cached: CACHED_NAMES_MAX, queries: 0 });
  });
});

describe('a directory PDU', () => {
  test('is read as it was written', () => {
    const id = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => String.fromCharCode(...bytes));
    const name = fc.stringMatching(/^[a-zé世]{1,60}$/);
    const pdu = fc.oneof(
      fc.record({ t: fc.constant('query' as const), id, name }),
      fc.record({ t: fc.constant('answer' as const), id, has: fc.boolean() }),
    );
    fc.assert(fc.property(pdu, (one) => expect(decodeDirectoryPdu(encodeDirectoryPdu(one))).toEqual(one)));
  });

  test('that is anything else is none, and nothing throws', () => {
    const valid = encodeDirectoryPdu({ t: 'query', id: '12345678', name: 'n' });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void decodeDirectoryPdu(bytes)));
    for (let end = 0; end < valid.length; end += 1)
      expect(decodeDirectoryPdu(valid.subarray(0, end))).toBeNull();
    for (const at of [0, 1, 2, 3]) {
      const changed = valid.slice();
      changed[at] = 0x7f;
      expect(decodeDirectoryPdu(changed)).toBeNull();
    }
  });

  //= R-DIR-04
  test('that answers is shorter than any question', () => {
    const question = encodeDirectoryPdu({ t: 'query', id: '12345678', name: 'n' });
    expect(encodeDirectoryPdu({ t: 'answer', id: '12345678', has: true }).length).toBeLessThan(
      question.length,
    );
  });
});

function counted(): () => number {
  let last = 0;
  return () => (last += 1);
}

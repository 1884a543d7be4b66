import { describe, expect, test } from '@jest/globals';
import { Attestations, startTicksOf } from '../src/attestation.ts';

const me = { uid: 1, gid: 1, pid: 10 };

describe('Attestations', () => {
  test('an id belongs to the process that came with it first', () => {
    const known = new Attestations(10, 1_000);
    expect(known.admit('a', me, 0)).toBe(true);
    expect(known.admit('a', me, 1)).toBe(true);
    expect(known.admit('a', { ...me, pid: 11 }, 2)).toBe(false);
    expect(known.admit('a', { ...me, uid: 2 }, 2)).toBe(false);
  });

  test('ids that never registered expire, registered ones stay until forgotten', () => {
    const known = new Attestations(10, 1_000);
    known.admit('a', me, 0);
    known.admit('b', me, 0);
    known.pin('b', me);
    known.admit('c', me, 1_000);
    expect([known.get('a'), known.get('b'), known.get('c')].map((x) => x?.pid)).toEqual([undefined, 10, 10]);
    known.forget('b');
    expect(known.get('b')).toBeUndefined();
  });

  test('past the bound the oldest unregistered id goes', () => {
    const known = new Attestations(2, 1_000);
    for (const id of ['a', 'b', 'c']) known.admit(id, me, 0);
    expect(known.get('a')).toBeUndefined();
    expect(known.get('c')).toBeDefined();
  });
});

describe('startTicksOf', () => {
  test('is a positive number for a live process and 0 for none', () => {
    expect(startTicksOf(process.pid)).toBeGreaterThan(0);
    expect(startTicksOf(0x3fff_ffff)).toBe(0);
  });
});

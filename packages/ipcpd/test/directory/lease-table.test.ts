import { describe, expect, test } from '@jest/globals';
import { LEASES_MAX, LeaseTable, STALE_US } from '../../src/core/directory/lease-table.ts';

/** A table that was told everything there is. */
function filled(...leases: readonly (readonly [name: string, peer: string])[]): LeaseTable {
  const table = new LeaseTable();
  table.beginSnapshot();
  for (const [name, peer] of leases) table.put(name, peer, 100, 0);
  table.endSnapshot();
  return table;
}

describe('a table of leases', () => {
  //= R-DIR-09
  test('forgets a lease that was not renewed in its time', () => {
    const table = filled(['n', 'a']);
    table.put('n', 'a', 100, 50);
    expect([table.lookup('n', 149), table.lookup('n', 150)]).toEqual([['a'], []]);
    table.sweep(150);
    expect(table.size).toBe(0);
  });

  test('has all holders of a name, those that failed last', () => {
    const table = filled(['n', 'a'], ['n', 'b'], ['n', 'c']);
    table.failed('n', 'a');
    table.failed('n', 'unknown');
    expect(table.lookup('n', 1)).toEqual(['b', 'c', 'a']);
    table.remove('n', 'b');
    expect(table.lookup('n', 1)).toEqual(['c', 'a']);
  });

  //= R-DIR-11
  test('believes what was valid when the source went, for 60 s', () => {
    const table = filled(['n', 'a']);
    table.put('late', 'a', 20, 0);
    table.noteAway(50);
    expect(table.lookup('late', 51)).toEqual([]);
    expect(table.lookup('n', 50 + STALE_US - 1)).toEqual(['a']);
    expect(table.lookup('n', 50 + STALE_US)).toEqual([]);
  });

  //= R-DIR-10
  test('drops what a new snapshot does not have', () => {
    const table = filled(['n', 'a'], ['n', 'b'], ['m', 'a']);
    table.noteAway(50);
    table.beginSnapshot();
    table.put('n', 'b', 100, 60);
    table.endSnapshot();
    expect([table.lookup('n', 61), table.lookup('m', 61), table.size]).toEqual([['b'], [], 1]);
  });

  test('has room for so many leases and counts the rest', () => {
    const table = new LeaseTable();
    for (let i = 0; i < LEASES_MAX + 3; i += 1) table.put(`n${i}`, 'a', 100, 0);
    expect([table.size, table.overBound]).toEqual([LEASES_MAX, 3]);
  });
});

import type { Command } from 'commander';
import { alignedTable } from '../aligned-table.ts';
import type { Row, Terminal } from '../leaf.ts';
import { isRow, leaf } from '../leaf.ts';

const COLUMNS = [
  { title: 'WHAT', of: ([what]: readonly [string, number]) => what },
  { title: 'COUNT', of: ([, count]: readonly [string, number]) => count },
] as const;

export function status(terminal: Terminal): Command {
  return leaf('status', 'what the daemon holds and has done', terminal, async (session) => {
    const value = await session.request({ t: 'status' });
    if (session.json) return session.line(JSON.stringify({ dir: session.dir, ...value }));
    session.line(`irmd in ${session.dir}, pid ${String(value['pid'])}`);
    for (const line of alignedTable(COLUMNS, countsOf(value))) session.line(line);
  });
}

function countsOf(value: Row): readonly (readonly [string, number])[] {
  const counters = isRow(value['counters']) ? value['counters'] : {};
  return Object.entries({ ...value, ...counters }).flatMap(([what, count]) =>
    typeof count === 'number' && what !== 'pid' ? [[what, count] as const] : [],
  );
}

import type { Command } from 'commander';
import type { Column } from '../aligned-table.ts';
import type { Row, Terminal } from '../leaf.ts';
import { field, leaf } from '../leaf.ts';

const COLUMNS: readonly Column<Row>[] = [
  field('FLOW', 'flow'),
  field('NAME', 'name'),
  {
    title: 'STATE',
    of: (row) => `${String(row['state'])}${typeof row['phase'] === 'string' ? ` (${row['phase']})` : ''}`,
  },
  field('SERVICE', 'service'),
  { title: 'PATH', of: (row) => (typeof row['layer'] === 'string' ? row['layer'] : String(row['path'])) },
  field('PEER', 'peer'),
  { title: 'RTT ms', of: (row) => rounded(row['rttMs'], 1) },
  { title: 'LOSS %', of: (row) => rounded(percent(row['loss']), 1) },
  { title: 'HEARD s', of: (row) => rounded(seconds(row['heardMs']), 1) },
  field('CLIENT', 'client'),
  field('PROGRAM', 'clientProgram'),
  field('SERVER', 'server'),
  field('PROGRAM', 'serverProgram'),
];

export function flowList(terminal: Terminal): Command {
  return leaf('list', 'list flow endpoints', terminal, async (session) => {
    session.table(COLUMNS, await session.list('flow-list'), 'no flows');
  });
}

function rounded(value: unknown, digits: number): string | null {
  return typeof value === 'number' ? value.toFixed(digits) : null;
}

function percent(share: unknown): unknown {
  return typeof share === 'number' ? share * 100 : null;
}

function seconds(ms: unknown): unknown {
  return typeof ms === 'number' ? ms / 1_000 : null;
}

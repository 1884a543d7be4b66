import type { Command } from 'commander';
import type { Column } from '../aligned-table.ts';
import type { Row, Terminal } from '../leaf.ts';
import { field, isRow, leaf } from '../leaf.ts';

const COLUMNS: readonly Column<Row>[] = [
  field('NAME', 'name'),
  field('POLICY', 'policy'),
  field('PROCESSES', 'processes'),
  field('ACCEPTING', 'acceptors'),
  field('WAITING', 'waiting'),
  {
    title: 'PROGRAMS',
    of: (row) =>
      joined(row['programs'], (one) => `${String(one['program'])}${one['auto'] === true ? ' (auto)' : ''}`),
  },
  {
    title: 'REGISTERED',
    of: (row) => joined(row['registrations'], (one) => `${String(one['layer'])}:${String(one['ipcp'])}`),
  },
];

export function nameList(terminal: Terminal): Command {
  return leaf('list', 'list names', terminal, async (session) => {
    session.table(COLUMNS, await session.list('name-list'), 'no names');
  });
}

function joined(value: unknown, text: (one: Record<string, unknown>) => string): string | null {
  if (!Array.isArray(value)) return null;
  return value
    .filter(isRow)
    .map((one) => text(one))
    .join(', ');
}

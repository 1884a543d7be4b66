import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { field, leaf, listField } from '../leaf.ts';

const COLUMNS = [
  field('PID', 'pid'),
  field('UID', 'uid'),
  field('KIND', 'kind'),
  field('PROGRAM', 'program'),
  field('FLOWS', 'flows'),
  field('CHANNELS', 'channels'),
  listField('NAMES', 'names'),
];

export function processList(terminal: Terminal): Command {
  return leaf('list', 'list registered processes', terminal, async (session) => {
    session.table(COLUMNS, await session.list('process-list'), 'no processes');
  });
}

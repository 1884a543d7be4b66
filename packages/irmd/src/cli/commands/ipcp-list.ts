import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { field, leaf } from '../leaf.ts';

const COLUMNS = [
  field('IPCP', 'ipcp'),
  field('TYPE', 'type'),
  field('LAYER', 'layer'),
  field('STATE', 'state'),
  field('PID', 'pid'),
  field('NAMES', 'names'),
  field('RESTARTS', 'restarts'),
];

interface Options {
  readonly layer?: string;
  readonly type?: string;
}

export function ipcpList(terminal: Terminal): Command {
  return leaf('list', 'list IPC processes', terminal, async (session, command) => {
    const { layer, type } = command.opts<Options>();
    const rows = (await session.list('ipcp-list')).filter(
      (row) =>
        (layer === undefined || row['layer'] === layer) && (type === undefined || row['type'] === type),
    );
    session.table(COLUMNS, rows, 'no IPCPs');
  })
    .option('--layer <layer>', 'only those of a layer')
    .option('--type <type>', 'only those of a type');
}

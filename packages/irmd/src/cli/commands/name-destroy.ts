import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function nameDestroy(terminal: Terminal): Command {
  return leaf('destroy <name>', 'destroy a name; its flows stay', terminal, async (session, command) => {
    const [name] = command.args as [string];
    const value = await session.request({ t: 'name-destroy', name });
    session.changed(`destroyed name ${name}`, value);
  });
}

import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';
import { readWhere, whereOptions } from '../where-option.ts';

export function nameUnregister(terminal: Terminal): Command {
  const command = leaf('unregister <name>', 'take a name out of a layer', terminal, async (session, self) => {
    const [name] = self.args as [string];
    const value = await session.request({ t: 'name-unregister', name, ...readWhere(self) });
    session.changed(`unregistered name ${name} from ${String(value['ipcps'])}`, value);
  });
  return whereOptions(command);
}

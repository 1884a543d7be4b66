import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';
import { readWhere, whereOptions } from '../where-option.ts';

export function nameRegister(terminal: Terminal): Command {
  const command = leaf('register <name>', 'make a name known in a layer', terminal, async (session, self) => {
    const [name] = self.args as [string];
    const value = await session.request({ t: 'name-register', name, ...readWhere(self) });
    const created = value['created'] === true ? ' (name created)' : '';
    session.changed(`registered name ${name} with ${String(value['ipcps'])}${created}`, value);
  });
  return whereOptions(command).addHelpText('after', '\nCreates the name if there is none.');
}

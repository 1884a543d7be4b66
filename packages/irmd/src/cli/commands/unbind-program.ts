import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';
import { pathOfBound } from '../find-program.ts';

export function unbindProgram(terminal: Terminal): Command {
  return leaf(
    'program <program> [name]',
    'processes of a program serve a name, or any name, no more',
    terminal,
    async (session, command) => {
      const [given, name] = command.args as [string, string?];
      const program = pathOfBound(given);
      const value = await session.request({
        t: 'unbind-program',
        program,
        ...(name === undefined ? {} : { name }),
      });
      session.changed(`unbound program ${program} from ${String(value['names'])}`, value);
    },
  );
}

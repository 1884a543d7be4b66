import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';
import { parsePid } from '../parse-pid.ts';

export function unbindProcess(terminal: Terminal): Command {
  return leaf(
    'process <pid> [name]',
    'a process serves a name, or any name, no more',
    terminal,
    async (session, command) => {
      const [text, name] = command.args as [string, string?];
      const pid = parsePid(text);
      const value = await session.request({
        t: 'unbind-process',
        pid,
        ...(name === undefined ? {} : { name }),
      });
      session.changed(`unbound process ${pid} from ${String(value['names'])}`, value);
    },
  );
}

import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';
import { parsePid } from '../parse-pid.ts';

export function bindProcess(terminal: Terminal): Command {
  return leaf(
    'process <pid> <name>',
    'a running process serves a name',
    terminal,
    async (session, command) => {
      const [text, name] = command.args as [string, string];
      const pid = parsePid(text);
      const value = await session.request({ t: 'bind-process', pid, name });
      const later = value['registered'] === true ? '' : '; it has not registered yet';
      session.changed(`bound process ${pid} to name ${name}${later}`, value);
    },
  );
}

import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';
import { findProgram } from '../find-program.ts';

export function bindProgram(terminal: Terminal): Command {
  return leaf(
    'program <program> <name> [args...]',
    'processes of a program serve a name',
    terminal,
    async (session, command) => {
      const [given, name, ...args] = command.args as [string, string, ...string[]];
      const { auto = false } = command.opts<{ auto?: boolean }>();
      const program = findProgram(given);
      const value = await session.request({ t: 'bind-program', program, name, auto, args });
      session.changed(`bound program ${program} to name ${name}${auto ? ', started on demand' : ''}`, value);
    },
  )
    .option('--auto', 'start it when a request comes and nobody serves the name')
    .addHelpText(
      'after',
      '\nArguments of the program go after --: irm bind program oecho oecho --auto -- --listen',
    );
}

import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function ipcpDestroy(terminal: Terminal): Command {
  return leaf('destroy <ipcp>', 'end an IPC process and its flows', terminal, async (session, command) => {
    const [ipcp] = command.args as [string];
    const value = await session.request({ t: 'ipcp-destroy', ipcp });
    session.changed(`destroyed IPCP ${ipcp}`, value);
  });
}

import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function bindIpcp(terminal: Terminal): Command {
  return leaf('ipcp <ipcp> <name>', 'an IPCP serves a name', terminal, async (session, command) => {
    const [ipcp, name] = command.args as [string, string];
    const value = await session.request({ t: 'bind-ipcp', ipcp, name });
    session.changed(`bound IPCP ${ipcp} to name ${name}`, value);
  });
}

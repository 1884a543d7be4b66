import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function unbindIpcp(terminal: Terminal): Command {
  return leaf(
    'ipcp <ipcp> [name]',
    'an IPCP serves a name, or any name, no more',
    terminal,
    async (session, command) => {
      const [ipcp, name] = command.args as [string, string?];
      const value = await session.request({
        t: 'unbind-ipcp',
        ipcp,
        ...(name === undefined ? {} : { name }),
      });
      session.changed(`unbound IPCP ${ipcp} from ${String(value['names'])}`, value);
    },
  );
}

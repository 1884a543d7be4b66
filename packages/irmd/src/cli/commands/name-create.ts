import type { Command } from 'commander';
import { Option } from 'commander';
import type { LoadBalancePolicy } from '@flowring/common';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function nameCreate(terminal: Terminal): Command {
  const policy = new Option('--policy <policy>', 'how requests are spread over the processes that accept')
    .choices(['round-robin', 'spillover', 'least-flows'])
    .default('round-robin');
  return leaf('create <name>', 'create a name', terminal, async (session, command) => {
    const [name] = command.args as [string];
    const { policy: chosen } = command.opts<{ policy: LoadBalancePolicy }>();
    const value = await session.request({ t: 'name-create', name, policy: chosen });
    session.changed(`created name ${name} (${chosen})`, value);
  }).addOption(policy);
}

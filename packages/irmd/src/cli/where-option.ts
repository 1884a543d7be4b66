import type { Command } from 'commander';
import { Option } from 'commander';
import { FlowringError } from '@flowring/common';

export interface Where {
  readonly ipcp?: string;
  readonly layer?: string;
}

/** Adds the options that say where a name is registered. */
export function whereOptions(command: Command): Command {
  return command
    .addOption(new Option('--layer <layer>', 'with all IPCPs of a layer').conflicts('ipcp'))
    .addOption(new Option('--ipcp <ipcp>', 'with one IPCP'));
}

export function readWhere(command: Command): Where {
  const { ipcp, layer } = command.opts<Where>();
  if (ipcp !== undefined) return { ipcp };
  if (layer !== undefined) return { layer };
  throw new FlowringError('FLOWRING_INVALID_ARGUMENT', {
    message: 'say where: --layer LAYER or --ipcp IPCP',
  });
}

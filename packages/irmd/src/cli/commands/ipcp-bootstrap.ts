import type { Command } from 'commander';
import { isFlowringError } from '@flowring/common';
import type { Session, Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

const START_TIMEOUT_MS = 15_000;

interface Options {
  readonly layer: string;
  readonly type?: string;
}

export function ipcpBootstrap(terminal: Terminal): Command {
  return leaf(
    'bootstrap <ipcp>',
    'make an IPCP the first of its layer',
    terminal,
    async (session, command) => {
      const [ipcp] = command.args as [string];
      const { layer, type } = command.opts<Options>();
      const created = type === undefined ? false : await createIfAbsent(session, ipcp, type);
      const value = await session.request({ t: 'ipcp-configure', ipcp, layer }, START_TIMEOUT_MS);
      session.changed(`${created ? 'created and ' : ''}bootstrapped IPCP ${ipcp} in layer ${layer}`, {
        ...value,
        created,
      });
    },
  )
    .requiredOption('--layer <layer>', 'the layer')
    .option('--type <type>', 'create the IPCP of this type if there is none');
}

async function createIfAbsent(session: Session, ipcp: string, type: string): Promise<boolean> {
  try {
    await session.request({ t: 'ipcp-create', ipcp, type }, START_TIMEOUT_MS);
    return true;
  } catch (error) {
    if (isFlowringError(error, 'FLOWRING_EXISTS')) return false;
    throw error;
  }
}

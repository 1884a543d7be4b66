import type { Command } from 'commander';
import { isFlowringError } from '@flowring/common';
import { collectPair, readLayerConfig } from '../layer-config.ts';
import type { Session, Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

const START_TIMEOUT_MS = 15_000;

interface Options {
  readonly layer: string;
  readonly type?: string;
  readonly config?: string;
  readonly set: readonly string[];
}

export function ipcpBootstrap(terminal: Terminal): Command {
  return leaf(
    'bootstrap <ipcp>',
    'make an IPCP the first of its layer',
    terminal,
    async (session, command) => {
      const [ipcp] = command.args as [string];
      const { layer, type, config: file, set } = command.opts<Options>();
      const config = readLayerConfig(file, set);
      const created = type === undefined ? false : await createIfAbsent(session, ipcp, type);
      const value = await session.request({ t: 'ipcp-configure', ipcp, layer, config }, START_TIMEOUT_MS);
      session.changed(`${created ? 'created and ' : ''}bootstrapped IPCP ${ipcp} in layer ${layer}`, {
        ...value,
        created,
      });
    },
  )
    .requiredOption('--layer <layer>', 'the layer')
    .option('--type <type>', 'create the IPCP of this type if there is none')
    .option('--config <file>', 'TOML file with what the layer type wants to know')
    .option('--set <key=value>', 'the same, one by one; wins over the file', collectPair, [])
    .addHelpText('after', SET_HELP);
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

const SET_HELP = `
A value is read as TOML, or taken as a text: --set port=3435 --set 'peers=["10.0.0.2"]' --set names.oecho=10.0.0.2`;

import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

/** Longer than the daemon waits for an IPCP to start, so that its own error is heard, ms. */
const START_TIMEOUT_MS = 15_000;

export function ipcpCreate(terminal: Terminal): Command {
  return leaf('create <ipcp>', 'start an IPC process', terminal, async (session, command) => {
    const [ipcp] = command.args as [string];
    const { type } = command.opts<{ type: string }>();
    const value = await session.request({ t: 'ipcp-create', ipcp, type }, START_TIMEOUT_MS);
    session.changed(`created IPCP ${ipcp} of type ${type}, pid ${String(value['pid'])}`, value);
  }).requiredOption('--type <type>', 'what kind of layer it serves: local');
}

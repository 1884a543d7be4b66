import { isFlowringError } from '@flowring/common';
import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function stop(terminal: Terminal): Command {
  return leaf('stop', 'stop the daemon, its IPCPs and the programs it started', terminal, async (session) => {
    await session.connect();
    await session.request({ t: 'shutdown' }).catch((error: unknown) => {
      // A daemon that is gone before its answer arrived did what was asked.
      if (!isFlowringError(error, 'FLOWRING_IRMD_UNREACHABLE')) throw error;
    });
    session.changed(`the daemon in ${session.dir} is stopping`, { dir: session.dir });
  });
}

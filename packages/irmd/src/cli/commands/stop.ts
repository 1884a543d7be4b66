import type { Command } from 'commander';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function stop(terminal: Terminal): Command {
  return leaf('stop', 'stop the daemon, its IPCPs and the programs it started', terminal, async (session) => {
    await session.request({ t: 'shutdown' });
    session.changed(`the daemon in ${session.dir} is stopping`, { dir: session.dir });
  });
}

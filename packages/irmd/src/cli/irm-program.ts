import { Command } from 'commander';
import { bindIpcp } from './commands/bind-ipcp.ts';
import { bindProcess } from './commands/bind-process.ts';
import { bindProgram } from './commands/bind-program.ts';
import { completion } from './commands/completion.ts';
import { events } from './commands/events.ts';
import { flowList } from './commands/flow-list.ts';
import { ipcpBootstrap } from './commands/ipcp-bootstrap.ts';
import { ipcpCreate } from './commands/ipcp-create.ts';
import { ipcpDestroy } from './commands/ipcp-destroy.ts';
import { ipcpList } from './commands/ipcp-list.ts';
import { metrics } from './commands/metrics.ts';
import { nameCreate } from './commands/name-create.ts';
import { nameDestroy } from './commands/name-destroy.ts';
import { nameList } from './commands/name-list.ts';
import { nameRegister } from './commands/name-register.ts';
import { nameUnregister } from './commands/name-unregister.ts';
import { processList } from './commands/process-list.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { unbindIpcp } from './commands/unbind-ipcp.ts';
import { unbindProcess } from './commands/unbind-process.ts';
import { unbindProgram } from './commands/unbind-program.ts';
import type { Terminal } from './leaf.ts';

/** The `irm` command tree. */
export function irmProgram(terminal: Terminal): Command {
  const root = new Command('irm').description(
    'Talks to the IRM daemon: IPCPs, names, bindings, flows, processes.',
  );
  const parts = [
    group('ipcp', 'IPC processes', [ipcpCreate, ipcpBootstrap, ipcpDestroy, ipcpList], terminal),
    group('name', 'names', [nameCreate, nameDestroy, nameRegister, nameUnregister, nameList], terminal),
    group('bind', 'let something serve a name', [bindProgram, bindProcess, bindIpcp], terminal),
    group('unbind', 'end a binding', [unbindProgram, unbindProcess, unbindIpcp], terminal),
    group('flow', 'flow endpoints', [flowList], terminal),
    group('process', 'registered processes', [processList], terminal),
    status(terminal),
    metrics(terminal),
    events(terminal),
    stop(terminal),
    completion(terminal, () => root),
  ];
  for (const part of parts) root.addCommand(part);
  root.addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage, 4 no daemon answers.');
  root.helpCommand(false);
  everywhere(root, (command) =>
    command.exitOverride().configureOutput({ writeOut: terminal.out, writeErr: terminal.err }),
  );
  return root;
}

function group(
  name: string,
  description: string,
  commands: readonly ((terminal: Terminal) => Command)[],
  terminal: Terminal,
): Command {
  const command = new Command(name).description(description).helpCommand(false);
  for (const make of commands) command.addCommand(make(terminal));
  return command;
}

function everywhere(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const one of command.commands) everywhere(one, change);
}

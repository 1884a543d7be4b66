import { LIMITS } from '@flowring/common';
import type { PidIdentity } from '../inputs.ts';
import type { IrmState } from '../irm-state.ts';
import { bindProcess, unbindProcess } from '../names.ts';
import type { NameEntry } from '../registry/name.ts';
import type { ProcessEntry } from '../registry/process.ts';
import type { ProgramBinding } from '../registry/program.ts';
import { forgetIfUnused } from '../requests.ts';
import { rerouteStarts } from '../allocation.ts';
import type { Command, Handlers } from './handlers.ts';
import { mayOrFail, ownIpcp, ownOrNewName } from './handlers.ts';

export const bindCommands: Handlers<
  'bind-program' | 'unbind-program' | 'bind-process' | 'unbind-process' | 'bind-ipcp' | 'unbind-ipcp'
> = {
  'bind-program'(irm, command) {
    const { program, auto, args } = command.message;
    const name = ownOrNewName(irm, command, command.message.name, false);
    if (name === null) return;
    if (irm.programs.find(program, name) !== null) {
      return irm.fail(command.from, 'FLOWRING_EXISTS', `${program} is bound to ${name.text}`, { program });
    }
    if (name.programs.size >= LIMITS.programsPerNameMax) {
      const details = { limit: 'programsPerNameMax', value: LIMITS.programsPerNameMax };
      return irm.fail(command.from, 'FLOWRING_TOO_MANY', undefined, details);
    }
    const { uid: ownerUid, gid: ownerGid } = command.caller.joined;
    irm.programs.add({ program, name, ownerUid, ownerGid, auto, args });
    const running = bindRunning(irm, program, name);
    rerouteStarts(irm, name);
    irm.publish('program-bound', { program, name: name.text, auto });
    irm.reply(command.from, { program, name: name.text, auto, processes: running });
  },

  'unbind-program'(irm, command) {
    const { program, name: text } = command.message;
    const bindings = irm.programs.of(program).filter((one) => text === undefined || one.name.text === text);
    if (bindings.length === 0) {
      return irm.fail(command.from, 'FLOWRING_NOT_FOUND', `${program} is not bound${toName(text)}`, {
        program,
      });
    }
    for (const binding of bindings) if (!mayUnbind(irm, command, binding)) return;
    for (const binding of bindings) unbindProgram(irm, binding);
    irm.reply(command.from, { program, names: bindings.map((binding) => binding.name.text) });
  },

  'bind-process'(irm, command) {
    const { pid } = command.message;
    const { target } = command;
    if (target === null) {
      return irm.fail(command.from, 'FLOWRING_NOT_FOUND', `no process has the pid ${pid}`, { pid });
    }
    if (!mayOrFail(irm, command, target.uid, `the process ${pid}`)) return;
    const registered = processOf(irm, target);
    const name = ownOrNewName(irm, command, command.message.name, registered !== null);
    if (name === null) return;
    if (registered !== null) bindProcess(irm, registered, name, 'bound');
    else if (!rememberPid(irm, target, name)) {
      const details = { limit: 'processesMax', value: LIMITS.processesMax };
      return irm.fail(command.from, 'FLOWRING_TOO_MANY', undefined, details);
    }
    irm.reply(command.from, { pid, name: name.text, registered: registered !== null });
  },

  'unbind-process'(irm, command) {
    const { pid, name: text } = command.message;
    const done = new Set<string>();
    for (const process of irm.processes.values()) {
      if (process.joined.pid !== pid || process.ipcp !== null) continue;
      if (!mayOrFail(irm, command, process.joined.uid, `the process ${pid}`)) return;
      for (const one of unbindFrom(irm, process, text)) done.add(one);
    }
    for (const one of forgetPid(irm, command, text)) done.add(one);
    if (done.size === 0) {
      return irm.fail(command.from, 'FLOWRING_NOT_FOUND', `process ${pid} is not bound${toName(text)}`, {
        pid,
      });
    }
    irm.reply(command.from, { pid, names: [...done] });
  },

  'bind-ipcp'(irm, command) {
    const ipcp = ownIpcp(irm, command, command.message.ipcp);
    if (ipcp === null) return;
    const name = ownOrNewName(irm, command, command.message.name, false);
    if (name === null) return;
    ipcp.serves.add(name);
    if (ipcp.process !== null) bindProcess(irm, ipcp.process, name, 'bound');
    irm.reply(command.from, { ipcp: ipcp.name, name: name.text });
  },

  'unbind-ipcp'(irm, command) {
    const ipcp = ownIpcp(irm, command, command.message.ipcp);
    if (ipcp === null) return;
    const { name: text } = command.message;
    const names = [...ipcp.serves].filter((name) => text === undefined || name.text === text);
    if (names.length === 0) {
      return irm.fail(command.from, 'FLOWRING_NOT_FOUND', `IPCP ${ipcp.name} is not bound${toName(text)}`);
    }
    for (const name of names) {
      ipcp.serves.delete(name);
      if (ipcp.process !== null) unbindProcess(irm, ipcp.process, name);
    }
    irm.reply(command.from, { ipcp: ipcp.name, names: names.map((name) => name.text) });
  },
};

/** A process that just registered gets the names of its program, and those it was bound to by pid. */
export function bindNewProcess(irm: IrmState, process: ProcessEntry): void {
  const { pid, startTicks } = process.joined;
  if (process.joined.kind !== 'app') return;
  for (const binding of irm.programs.matching(process.joined)) {
    bindProcess(irm, process, binding.name, 'program');
  }
  const remembered = irm.pidBindings.get(pid);
  if (remembered === undefined) return;
  irm.pidBindings.delete(pid);
  if (remembered.startTicks !== startTicks) return;
  for (const name of remembered.names) {
    if (irm.names.get(name.text) === name) bindProcess(irm, process, name, 'bound');
  }
}

function bindRunning(irm: IrmState, program: string, name: NameEntry): number {
  let count = 0;
  for (const process of irm.processes.values()) {
    if (process.joined.kind !== 'app' || process.names.has(name)) continue;
    const fits = irm.programs
      .matching(process.joined)
      .some((one) => one.name === name && one.program === program);
    if (!fits) continue;
    bindProcess(irm, process, name, 'program');
    count += 1;
  }
  return count;
}

function mayUnbind(irm: IrmState, command: Command, binding: ProgramBinding): boolean {
  if (irm.mayChange(command.caller.joined.uid, binding.ownerUid)) return true;
  return mayOrFail(irm, command, binding.name.ownerUid, `the binding of ${binding.program}`);
}

function unbindProgram(irm: IrmState, binding: ProgramBinding): void {
  const { name, program } = binding;
  irm.programs.remove(binding);
  for (const process of [...name.processes]) {
    if (process.names.get(name) !== 'program') continue;
    if (irm.programs.matching(process.joined).some((one) => one.name === name)) continue;
    unbindProcess(irm, process, name);
  }
  forgetIfUnused(irm, name);
  irm.publish('program-unbound', { program, name: name.text });
}

function processOf(irm: IrmState, target: PidIdentity): ProcessEntry | null {
  for (const process of irm.processes.values()) {
    const { pid, startTicks, kind } = process.joined;
    if (pid === target.pid && startTicks === target.startTicks && kind === 'app') return process;
  }
  return null;
}

function rememberPid(irm: IrmState, target: PidIdentity, name: NameEntry): boolean {
  let remembered = irm.pidBindings.get(target.pid);
  if (remembered === undefined || remembered.startTicks !== target.startTicks) {
    if (remembered === undefined && irm.pidBindings.size >= LIMITS.processesMax) return false;
    remembered = { startTicks: target.startTicks, uid: target.uid, names: new Set() };
    irm.pidBindings.set(target.pid, remembered);
  }
  remembered.names.add(name);
  return true;
}

function unbindFrom(irm: IrmState, process: ProcessEntry, text: string | undefined): readonly string[] {
  const names = [...process.names.keys()].filter((name) => text === undefined || name.text === text);
  for (const name of names) unbindProcess(irm, process, name);
  return names.map((name) => name.text);
}

function forgetPid(
  irm: IrmState,
  command: Command<'unbind-process'>,
  text: string | undefined,
): readonly string[] {
  const remembered = irm.pidBindings.get(command.message.pid);
  if (remembered === undefined || !irm.mayChange(command.caller.joined.uid, remembered.uid)) return [];
  const names = [...remembered.names].filter((name) => text === undefined || name.text === text);
  for (const name of names) remembered.names.delete(name);
  if (remembered.names.size === 0) irm.pidBindings.delete(command.message.pid);
  return names.map((name) => name.text);
}

function toName(text: string | undefined): string {
  return text === undefined ? '' : ` to ${text}`;
}

import { LIMITS } from '@flowring/common';
import type { IrmState } from '../irm-state.ts';
import { addName, removeName } from '../names.ts';
import type { IpcpEntry } from '../registry/ipcp.ts';
import { registerWith, unregisterFrom } from '../registrations.ts';
import { forgetIfUnused } from '../requests.ts';
import type { Command, Handlers } from './handlers.ts';
import { ownName, ownOrNewName } from './handlers.ts';

type Registration = Command<'name-register'> | Command<'name-unregister'>;

export const nameCommands: Handlers<'name-create' | 'name-destroy' | 'name-register' | 'name-unregister'> = {
  'name-create'(irm, { message, from, caller }) {
    const { name: text, policy = 'round-robin' } = message;
    if (irm.names.has(text)) {
      return irm.fail(from, 'FLOWRING_EXISTS', `the name ${text} exists`, { name: text });
    }
    if (irm.names.size >= LIMITS.namesMax) {
      return irm.fail(from, 'FLOWRING_TOO_MANY', undefined, { limit: 'namesMax', value: LIMITS.namesMax });
    }
    addName(irm, text, caller.joined.uid, policy, false);
    irm.reply(from, { name: text, policy });
  },

  'name-destroy'(irm, command) {
    const name = ownName(irm, command, command.message.name);
    if (name === null) return;
    removeName(irm, name);
    irm.reply(command.from, { name: name.text });
  },

  'name-register'(irm, command) {
    const { message, from } = command;
    const ipcps = ipcpsOf(irm, command);
    if (ipcps === null) return;
    const exists = irm.names.has(message.name);
    const name = ownOrNewName(irm, command, message.name, false);
    if (name === null) return;
    const value = { name: name.text, created: !exists, ipcps: ipcps.map((ipcp) => ipcp.name) };
    registerWith(irm, name, ipcps, from, value);
  },

  'name-unregister'(irm, command) {
    const name = ownName(irm, command, command.message.name);
    if (name === null) return;
    const ipcps = ipcpsOf(irm, command);
    if (ipcps === null) return;
    const registered = ipcps.filter((ipcp) => name.registrations.has(ipcp));
    if (registered.length === 0) {
      return irm.fail(command.from, 'FLOWRING_NOT_FOUND', `the name ${name.text} is not registered there`);
    }
    const value = { name: name.text, ipcps: registered.map((ipcp) => ipcp.name) };
    unregisterFrom(irm, name, registered, command.from, value);
    forgetIfUnused(irm, name);
  },
};

/** The IPCPs a registration means: one by name, or all of a layer; else the caller has been told. */
function ipcpsOf(irm: IrmState, command: Registration): readonly IpcpEntry[] | null {
  const { ipcp: ipcpName, layer } = command.message;
  if ((ipcpName === undefined) === (layer === undefined)) {
    irm.fail(command.from, 'FLOWRING_INVALID_ARGUMENT', 'give either an IPCP or a layer');
    return null;
  }
  if (ipcpName !== undefined) {
    const ipcp = irm.ipcps.get(ipcpName);
    if (ipcp === undefined) {
      irm.fail(command.from, 'FLOWRING_NOT_FOUND', `no such IPCP: ${ipcpName}`, { ipcp: ipcpName });
      return null;
    }
    if (ipcp.layer !== null) return [ipcp];
    irm.fail(command.from, 'FLOWRING_IPCP_STATE', `the IPCP ${ipcpName} is in no layer; bootstrap it first`);
    return null;
  }
  const members = [...irm.ipcps.values()].filter((ipcp) => ipcp.layer === layer);
  if (members.length > 0) return members;
  irm.fail(command.from, 'FLOWRING_LAYER_UNKNOWN', `no such layer: ${layer!}`, { layer: layer! });
  return null;
}

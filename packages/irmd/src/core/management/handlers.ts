import type { ControlMessage, ManagementType } from '@flowring/common';
import { LIMITS } from '@flowring/common';
import type { PidIdentity } from '../inputs.ts';
import type { IrmState } from '../irm-state.ts';
import { addName } from '../names.ts';
import type { IpcpEntry, Requester } from '../registry/ipcp.ts';
import type { NameEntry } from '../registry/name.ts';
import type { ProcessEntry } from '../registry/process.ts';

/** A management request with who asks; the handler replies or fails, exactly once, now or later. */
export interface Command<T extends ManagementType = ManagementType> {
  readonly message: ControlMessage<T>;
  readonly from: Requester;
  readonly caller: ProcessEntry;
  readonly target: PidIdentity | null;
}

export type Handlers<T extends ManagementType> = {
  readonly [K in T]: (irm: IrmState, command: Command<K>) => void;
};

/** The name, if it exists and the caller may change it; else the caller has been told. */
export function ownName(irm: IrmState, command: Command, text: string): NameEntry | null {
  const name = irm.names.get(text);
  if (name === undefined) {
    irm.fail(command.from, 'FLOWRING_NAME_UNKNOWN', `no such name: ${text}`, { name: text });
    return null;
  }
  return mayOrFail(irm, command, name.ownerUid, `the name ${text}`) ? name : null;
}

/**
 * As {@link ownName}, but a name that does not exist yet is made, for the caller; with `implicit` it goes again with
 * the last that serves or wants it.
 */
export function ownOrNewName(
  irm: IrmState,
  command: Command,
  text: string,
  implicit: boolean,
): NameEntry | null {
  if (irm.names.has(text)) return ownName(irm, command, text);
  if (irm.names.size < LIMITS.namesMax) {
    return addName(irm, text, command.caller.joined.uid, 'round-robin', implicit);
  }
  irm.fail(command.from, 'FLOWRING_TOO_MANY', undefined, { limit: 'namesMax', value: LIMITS.namesMax });
  return null;
}

/** The IPCP, if it exists and the caller may change it; else the caller has been told. */
export function ownIpcp(irm: IrmState, command: Command, text: string): IpcpEntry | null {
  const ipcp = irm.ipcps.get(text);
  if (ipcp === undefined) {
    irm.fail(command.from, 'FLOWRING_NOT_FOUND', `no such IPCP: ${text}`, { ipcp: text });
    return null;
  }
  return mayOrFail(irm, command, ipcp.ownerUid, `the IPCP ${text}`) ? ipcp : null;
}

export function mayOrFail(irm: IrmState, command: Command, ownerUid: number, what: string): boolean {
  const { uid } = command.caller.joined;
  if (irm.mayChange(uid, ownerUid)) return true;
  irm.fail(command.from, 'FLOWRING_PERMISSION', `${what} belongs to uid ${ownerUid}, not to uid ${uid}`);
  return false;
}

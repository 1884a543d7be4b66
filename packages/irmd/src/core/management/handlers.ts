import type { ControlMessage, ManagementType } from '@flowring/common';
import type { PidIdentity } from '../inputs.ts';
import type { IrmState } from '../irm-state.ts';
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

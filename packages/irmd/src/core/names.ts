import type { LoadBalancePolicy } from '@flowring/common';
import { rerouteWaiting } from './allocation.ts';
import { unregisterEverywhere } from './registrations.ts';
import type { IrmState } from './irm-state.ts';
import { endLeasesOf } from './leases.ts';
import { serve } from './matching.ts';
import { leaveSeat, takeSeat } from './registry/acceptor.ts';
import type { BindReason, NameEntry } from './registry/name.ts';
import { createName } from './registry/name.ts';
import type { ProcessEntry } from './registry/process.ts';
import { acceptorUid } from './request.ts';
import { forgetIfUnused, refuse } from './requests.ts';

export function addName(
  irm: IrmState,
  text: string,
  ownerUid: number,
  policy: LoadBalancePolicy,
  implicit: boolean,
): NameEntry {
  const name = createName(text, ownerUid, policy, implicit);
  irm.names.set(text, name);
  irm.publish('name-created', { name: text, policy, ownerUid });
  return name;
}

/** Ends a name: what waits for it hears `FLOWRING_NAME_UNKNOWN`; flows that are allocated stay. */
export function removeName(irm: IrmState, name: NameEntry): void {
  irm.names.delete(name.text);
  endLeasesOf(irm, name);
  for (const request of name.waiting) {
    refuse(irm, request, 'FLOWRING_NAME_UNKNOWN', undefined, { name: name.text });
  }
  for (const process of name.processes) unbindQuietly(process, name);
  name.processes.clear();
  for (const binding of name.programs) irm.programs.remove(binding);
  unregisterEverywhere(irm, name);
  for (const ipcp of irm.ipcps.values()) ipcp.serves.delete(name);
  if (name.starter !== null) irm.deadlines.clear(name.starter);
  irm.publish('name-destroyed', { name: name.text });
}

/** From now on the process serves the name. A stronger reason replaces a weaker one. */
export function bindProcess(irm: IrmState, process: ProcessEntry, name: NameEntry, reason: BindReason): void {
  const had = process.names.get(name);
  if (had === undefined || reason === 'bound') process.names.set(name, reason);
  if (had !== undefined) return;
  name.processes.add(process);
  if (name.processes.size > 1) endLeasesOf(irm, name);
  for (const acceptor of process.acceptors.values()) {
    if (acceptor.name !== null) continue;
    takeSeat(acceptor, name);
    serve(irm, acceptor);
  }
  for (const request of name.waiting) {
    const wanted = acceptorUid(request);
    if (request.phase !== 'grace' && request.phase !== 'query') continue;
    if (wanted !== null && wanted !== process.joined.uid) continue;
    request.phase = 'accept';
    irm.deadlines.set(request, request.expiresUs);
  }
}

/** The process serves the name no more; false when it did not. Its flows stay. */
export function unbindProcess(irm: IrmState, process: ProcessEntry, name: NameEntry): boolean {
  if (!process.names.has(name)) return false;
  unbindQuietly(process, name);
  name.processes.delete(process);
  endLeasesOf(irm, name);
  rerouteWaiting(irm, name);
  forgetIfUnused(irm, name);
  return true;
}

function unbindQuietly(process: ProcessEntry, name: NameEntry): void {
  process.names.delete(name);
  for (const acceptor of process.acceptors.values()) leaveSeat(acceptor, name);
}

import type { ControlMessage } from '@flowring/common';
import { LIMITS } from '@flowring/common';
import { endLeasesOf } from './leases.ts';
import { serve } from './matching.ts';
import { programReady } from './autostart.ts';
import type { IrmState } from './irm-state.ts';
import { errorMessage } from './irm-state.ts';
import { addName, bindProcess, unbindProcess } from './names.ts';
import { createAcceptor, leaveSeat, setCredit, takeSeat } from './registry/acceptor.ts';
import type { Acceptor } from './registry/acceptor.ts';
import type { NameEntry } from './registry/name.ts';
import type { ProcessEntry } from './registry/process.ts';

/** A process grants credit for `add` more flows, and takes what waits for it. */
export function accept(irm: IrmState, process: ProcessEntry, message: ControlMessage<'accept'>): void {
  let acceptor = process.acceptors.get(message.acceptor);
  if (acceptor === undefined) {
    const name = message.name === undefined ? null : nameToServe(irm, process, message);
    if (name === undefined) return;
    acceptor = openAcceptor(irm, process, message.acceptor, name);
  }
  acceptor.decide = message.decide;
  const credit = Math.min(acceptor.credit + message.add, LIMITS.requestsPerProcessMax);
  setCredit(acceptor, credit);
  if (credit > 0) for (const name of acceptor.seats.keys()) programReady(irm, name);
  serve(irm, acceptor);
}

/** The acceptor takes no more flows; a name it served only by accepting is unbound with its last acceptor. */
export function closeAcceptor(irm: IrmState, process: ProcessEntry, id: number): void {
  const acceptor = process.acceptors.get(id);
  if (acceptor === undefined) {
    irm.counters.stale += 1;
    return;
  }
  process.acceptors.delete(id);
  for (const name of [...acceptor.seats.keys()]) leaveSeat(acceptor, name);
  const { name } = acceptor;
  if (name === null || process.names.get(name) !== 'accepts') return;
  for (const other of process.acceptors.values()) if (other.name === name) return;
  unbindProcess(irm, process, name);
}

function openAcceptor(irm: IrmState, process: ProcessEntry, id: number, name: NameEntry | null): Acceptor {
  const acceptor = createAcceptor(process, id, name);
  process.acceptors.set(id, acceptor);
  if (name !== null) {
    bindProcess(irm, process, name, 'accepts');
    takeSeat(acceptor, name);
    endLeasesOf(irm, name);
  } else {
    for (const bound of process.names.keys()) takeSeat(acceptor, bound);
  }
  return acceptor;
}

/** The name an acceptor asks for, made if there is none; `undefined` when it may not have it. */
function nameToServe(
  irm: IrmState,
  process: ProcessEntry,
  message: ControlMessage<'accept'>,
): NameEntry | undefined {
  const { uid } = process.joined;
  const name = irm.names.get(message.name!);
  if (name !== undefined && (process.names.has(name) || irm.mayChange(uid, name.ownerUid))) return name;
  const code = name !== undefined ? 'FLOWRING_PERMISSION' : 'FLOWRING_TOO_MANY';
  if (name === undefined && irm.names.size < LIMITS.namesMax) {
    return addName(irm, message.name!, uid, 'round-robin', true);
  }
  irm.counters.violations += 1;
  if (message.req !== undefined) {
    irm.send(process, errorMessage(message.req, code, undefined, { name: message.name! }));
  }
  return undefined;
}

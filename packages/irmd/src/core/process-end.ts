import { rerouteWaiting } from './allocation.ts';
import { closeChannelsOf } from './channels.ts';
import { endFlowsOf } from './deallocation.ts';
import { ipcpGone } from './supervision.ts';
import type { IrmState } from './irm-state.ts';
import { forgetIfUnused } from './requests.ts';
import { leaveSeat } from './registry/acceptor.ts';
import type { ProcessEntry } from './registry/process.ts';

/** A process's lifeline closed: everything it held ends, everybody concerned hears of it. */
export function processGone(irm: IrmState, gone: ProcessEntry): void {
  irm.processes.delete(gone.id);
  const names = [...gone.names.keys()];
  for (const acceptor of gone.acceptors.values()) {
    for (const name of [...acceptor.seats.keys()]) leaveSeat(acceptor, name);
  }
  gone.acceptors.clear();
  for (const name of names) name.processes.delete(gone);
  gone.names.clear();
  closeChannelsOf(irm, gone);
  endFlowsOf(irm, gone);
  for (const name of names) {
    rerouteWaiting(irm, name);
    forgetIfUnused(irm, name);
  }
  if (gone.ipcp !== null) ipcpGone(irm, gone.ipcp);
  irm.publish('process-gone', { process: gone.id, pid: gone.joined.pid, program: gone.joined.program });
}

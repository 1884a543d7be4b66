import { requeue } from './allocation.ts';
import { giveUp } from './matching.ts';
import { refuse } from './requests.ts';
import { moveFlow } from './flow-events.ts';
import type { FlowEvent } from './flow-states.ts';
import type { IrmState } from './irm-state.ts';
import type { FlowEntry } from './registry/flow.ts';
import { leaveClient, leaveServer } from './registry/flow.ts';
import type { ProcessEntry } from './registry/process.ts';

/** A program gives up its half of an endpoint. */
export function deallocate(irm: IrmState, process: ProcessEntry, id: number): void {
  const flow = irm.flows.get(id);
  if (flow === undefined) {
    irm.counters.stale += 1;
    return;
  }
  const half = halfOf(flow, process);
  if (half === null) {
    irm.counters.violations += 1;
    return;
  }
  const { request } = flow;
  if (flow.state === `${half}-left`) {
    irm.counters.stale += 1;
    return;
  }
  if (request === null) return leave(irm, flow, half, `${half}Deallocated`);
  if (half === 'client') return giveUp(irm, request, 'cancelled', 'FLOWRING_ABORTED');
  if (flow.state === 'deciding') return refuse(irm, request, 'FLOWRING_REFUSED');
  irm.counters.stale += 1;
}

/** The client's cancel: before the answer it ends the request, after it the client's half of the endpoint. */
export function cancel(irm: IrmState, flow: FlowEntry | undefined): void {
  if (flow === undefined) {
    irm.counters.stale += 1;
    return;
  }
  if (flow.request !== null) return giveUp(irm, flow.request, 'cancelled', 'FLOWRING_ABORTED');
  const told = flow.state === 'allocated' && flow.path !== 'out' ? flow.server : null;
  irm.counters.cancelled += 1;
  leave(irm, flow, 'client', 'cancelled');
  if (told !== null) irm.send(told, { t: 'offer-withdrawn', flow: flow.id, code: 'FLOWRING_ABORTED' });
}

/**
 * The peer gave its request up. Where that crosses our acceptance, the IPCP ends the flow it is told of (it knows no
 * such request any more), and both halves are given back as ever; else the IPCP would keep its half.
 */
export function incomingGone(irm: IrmState, flow: FlowEntry | undefined): void {
  if (flow?.request) giveUp(irm, flow.request, 'cancelled', 'FLOWRING_ABORTED');
  else irm.counters.stale += 1;
}

/** The IPCP has let go of its half. */
export function ipcpReleased(irm: IrmState, ipcp: ProcessEntry, id: number): void {
  const flow = irm.flows.get(id);
  if (flow === undefined) {
    irm.counters.stale += 1;
    return;
  }
  if (flow.path === 'out' && flow.server === ipcp && flow.request === null) {
    return leave(irm, flow, 'server', 'serverDeallocated');
  }
  if (flow.path === 'in' && flow.client === ipcp && flow.request === null) {
    return leave(irm, flow, 'client', 'clientDeallocated');
  }
  if (flow.server === ipcp && flow.state === 'requested' && flow.request !== null) {
    return refuse(irm, flow.request, 'FLOWRING_IPCP');
  }
  irm.counters.violations += 1;
}

/** The IPCP refuses an allocation, or a flow that was given up meanwhile. */
export function ipcpRefused(
  irm: IrmState,
  ipcp: ProcessEntry,
  id: number,
  code: Parameters<typeof refuse>[2],
): void {
  const flow = irm.flows.get(id);
  if (flow === undefined || flow.path !== 'out' || flow.server !== ipcp) {
    irm.counters.stale += 1;
    return;
  }
  if (flow.request !== null) refuse(irm, flow.request, code);
  else leave(irm, flow, 'server', 'refused');
}

/** Ends every endpoint half of a process that is gone. */
export function endFlowsOf(irm: IrmState, gone: ProcessEntry): void {
  const asked = [...gone.requests.values(), ...gone.incoming.values()];
  // Those that wait go first: credit that comes back is for others, and none makes a channel for the gone.
  for (const flow of [...asked.filter(isWaiting), ...asked.filter((one) => !isWaiting(one))]) {
    if (flow.request !== null) giveUp(irm, flow.request, 'clientDied', 'FLOWRING_PEER_GONE');
    else leave(irm, flow, 'client', 'clientDied');
  }
  for (let flow = gone.served; flow !== null;) {
    const next: FlowEntry | null = flow.nextServed;
    loseServer(irm, flow);
    flow = next;
  }
}

function isWaiting(flow: FlowEntry): boolean {
  return flow.state === 'waiting';
}

function loseServer(irm: IrmState, flow: FlowEntry): void {
  const { request } = flow;
  if (request === null) leave(irm, flow, 'server', 'serverDied');
  else if (flow.path === 'out') {
    refuse(
      irm,
      request,
      'FLOWRING_IPCP',
      undefined,
      undefined,
      flow.state === 'connecting' ? 'refused' : 'serverDied',
    );
  } else if (flow.state === 'connecting') requeue(irm, request);
  else refuse(irm, request, 'FLOWRING_PEER_GONE', undefined, undefined, 'serverDied');
}

/** One half ends. An IPCP that still holds the other half is asked to release it. */
function leave(irm: IrmState, flow: FlowEntry, half: 'client' | 'server', event: FlowEvent): void {
  if (!moveFlow(irm, flow, event)) return;
  if (half === 'client') leaveClient(flow);
  else leaveServer(flow);
  if (flow.state === 'client-left' && flow.path === 'out') {
    irm.send(flow.server!, { t: 'ipcp-dealloc', flow: flow.id });
  }
  if (flow.state === 'server-left' && flow.path === 'in') {
    irm.send(flow.client, { t: 'ipcp-dealloc', flow: flow.id });
  }
  if (flow.state !== 'freed') return;
  irm.counters.deallocated += 1;
  irm.publish('flow-down', { flow: flow.id, name: flow.name, by: event });
}

/** Which half a process may give up now; the client's first where both are its own. */
function halfOf(flow: FlowEntry, process: ProcessEntry): 'client' | 'server' | null {
  if (flow.client === process && flow.path !== 'in' && flow.state !== 'client-left') return 'client';
  if (flow.server === process && flow.path !== 'out') return 'server';
  return flow.client === process && flow.path !== 'in' ? 'client' : null;
}

import type { ControlMessage } from '@flowring/common';
import { LIMITS, serviceOf } from '@flowring/common';
import { moveFlow } from './flow-events.ts';
import { announce } from './flow-messages.ts';
import type { IrmState } from './irm-state.ts';
import type { Acceptor } from './registry/acceptor.ts';
import type { Channel } from './registry/channel.ts';
import type { FlowEntry } from './registry/flow.ts';
import { enterServer } from './registry/flow.ts';
import type { Lease } from './registry/lease.ts';
import { LEASED_ID_MIN } from './registry/lease.ts';
import type { NameEntry } from './registry/name.ts';
import type { ProcessEntry } from './registry/process.ts';
import type { Request } from './request.ts';

/**
 * A client that has reached a name may open its next flows there with the server alone, over their channel: it gets
 * ids for them (docs/adr/0010-leases.md). Only while there is nothing to choose: one process serves the name, by one
 * accept loop that has credit left.
 */
export function grantLease(
  irm: IrmState,
  request: Request,
  channel: Channel,
  acceptor: Acceptor,
): Lease | null {
  const { client, name } = request;
  const server = acceptor.process;
  if (!request.wantsLease || name === null || client === server) return null;
  if (acceptor.decide || acceptor.credit === 0 || !isOnlyAcceptor(acceptor, name)) return null;
  const before = channel.leases.find((lease) => lease.client === client && lease.name === name);
  if (before !== undefined) irm.leases.forget(before);
  return irm.leases.create({ client, server, name, channel }, (first) =>
    irm.flows.hasAny(first, LIMITS.leaseFlows),
  );
}

/** The name's next flows need a decision: its clients come here again. */
export function endLeasesOf(irm: IrmState, name: NameEntry): void {
  for (const lease of [...name.leases]) endLease(irm, lease);
}

function endLease(irm: IrmState, lease: Lease): void {
  lease.name.leases.delete(lease);
  irm.send(lease.client, { t: 'lease-over', lease: lease.first });
}

/** One end of a flow that the two opened between them has it. What lives briefly is never told. */
export function opened(irm: IrmState, process: ProcessEntry, message: ControlMessage<'opened'>): void {
  const known = message.flow < LEASED_ID_MIN ? undefined : irm.flows.get(message.flow);
  // What one end told of in time, the other may tell of when the lease is forgotten.
  const flow = known === undefined ? adopt(irm, process, message) : moveKnown(irm, process, known);
  if (flow === null) return;
  if (flow.client === process) process.requests.set(flow.req, flow);
  else enterServer(flow, process);
}

/** An end of a flow told of it that is known already, by the other end as a rule. */
function moveKnown(irm: IrmState, process: ProcessEntry, flow: FlowEntry): FlowEntry | null {
  const isClient = flow.client === process;
  if (!isClient && flow.server !== process) return stale(irm);
  return moveFlow(irm, flow, isClient ? 'clientOpened' : 'serverOpened') ? flow : null;
}

/** The first end of a flow told of it. */
function adopt(irm: IrmState, process: ProcessEntry, message: ControlMessage<'opened'>): FlowEntry | null {
  const lease = irm.leases.of(message.flow);
  if (lease === undefined || (lease.client !== process && lease.server !== process)) return stale(irm);
  irm.counters.leasedFlows += 1;
  const state = lease.client === process ? 'server-left' : 'client-left';
  const flow = irm.flows.adopt(message.flow, lease, serviceOf(message.qos), state);
  announce(irm, flow);
  if (irm.flows.size >= irm.settings.flowsMax) endLease(irm, lease);
  return flow;
}

function stale(irm: IrmState): null {
  irm.counters.stale += 1;
  return null;
}

function isOnlyAcceptor(acceptor: Acceptor, name: NameEntry): boolean {
  if (name.processes.size !== 1) return false;
  for (const other of acceptor.process.acceptors.values()) {
    if (other !== acceptor && other.seats.has(name)) return false;
  }
  return true;
}

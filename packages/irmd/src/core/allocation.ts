import type { ControlMessage, ErrorDetails } from '@flowring/common';
import { LIMITS } from '@flowring/common';
import { canStart, wantStart } from './autostart.ts';
import { moveFlow } from './flow-events.ts';
import type { IrmState } from './irm-state.ts';
import { errorMessage } from './irm-state.ts';
import { askLayers, reachesOthers } from './layer-routes.ts';
import { giveUp, match } from './matching.ts';
import { leaveServer } from './registry/flow.ts';
import type { NameEntry } from './registry/name.ts';
import { chooseSeat, isServed } from './registry/name.ts';
import type { ProcessEntry } from './registry/process.ts';
import type { Request } from './request.ts';
import { acceptorUid } from './request.ts';
import { refuse, wait, waitInGrace } from './requests.ts';

/** A program asks for a flow. */
export function allocate(irm: IrmState, client: ProcessEntry, message: ControlMessage<'alloc'>): void {
  irm.counters.allocations += 1;
  const { req, name: nameText } = message;
  if (client.requests.has(req)) {
    irm.counters.violations += 1;
    return;
  }
  const name = irm.names.get(nameText) ?? null;
  if (name === null && message.layer === undefined && !reachesOthers(irm)) {
    irm.counters.refused += 1;
    return irm.send(client, errorMessage(req, 'FLOWRING_NAME_UNKNOWN', undefined, { name: nameText }));
  }
  const full = boundReached(irm, client, name);
  if (full !== null) {
    irm.counters.refused += 1;
    return irm.send(client, errorMessage(req, 'FLOWRING_TOO_MANY', undefined, full));
  }
  const direct = name !== null && message.direct !== false && message.layer === undefined;
  const request = createRequest(irm, client, name, message, message.layer ?? null, direct);
  if (direct) startWaiting(irm, request);
  else askLayers(irm, request);
}

/** A layer brings a request for a name of this host. */
export function incomingRequest(
  irm: IrmState,
  client: ProcessEntry,
  message: ControlMessage<'ipcp-incoming'>,
): void {
  irm.counters.allocations += 1;
  const { incoming, name: nameText } = message;
  if (client.incoming.has(incoming)) {
    irm.counters.violations += 1;
    return;
  }
  const name = irm.names.get(nameText);
  const code =
    name === undefined
      ? 'FLOWRING_NAME_UNKNOWN'
      : boundReached(irm, client, name) === null
        ? null
        : 'FLOWRING_TOO_MANY';
  if (name === undefined || code !== null) {
    irm.counters.refused += 1;
    return irm.send(client, { t: 'ipcp-refuse', incoming, code: code ?? 'FLOWRING_NAME_UNKNOWN' });
  }
  startWaiting(irm, createRequest(irm, client, name, message, client.ipcp?.layer ?? null, true));
}

/** Serves a request at once if an acceptor has credit, else queues it and finds out what it waits for. */
function startWaiting(irm: IrmState, request: Request): void {
  const name = request.name!;
  const seat = chooseSeat(name, acceptorUid(request));
  if (seat !== null) return match(irm, request, seat);
  name.waiting.push(request);
  route(irm, request);
}

/** Decides what a queued request waits for, and until when. */
export function route(irm: IrmState, request: Request): void {
  const name = request.name!;
  if (isServed(name, acceptorUid(request))) return wait(irm, request, 'accept', request.expiresUs);
  if (canStart(name)) {
    wait(irm, request, 'start', request.expiresUs);
    return wantStart(irm, name);
  }
  if (!request.incoming && askLayers(irm, request)) return;
  waitInGrace(irm, request);
}

/** After a name lost a process: what waited for it is routed anew. */
export function rerouteWaiting(irm: IrmState, name: NameEntry): void {
  for (const request of name.waiting) {
    if (request.phase === 'accept' && !isServed(name, acceptorUid(request))) route(irm, request);
  }
}

/** A matched request lost its server before the server was asked: it queues again, in its old place. */
export function requeue(irm: IrmState, request: Request): void {
  const { flow } = request;
  leaveServer(flow);
  if (!moveFlow(irm, flow, 'serverDied')) return;
  flow.server = null;
  request.acceptor = null;
  request.channel = null;
  const { waiting } = request.name!;
  let mark = waiting.first;
  while (mark !== null && mark.order < request.order) mark = mark.next;
  const seat = chooseSeat(request.name!, acceptorUid(request));
  if (seat !== null) return match(irm, request, seat);
  waiting.insertBefore(request, mark);
  route(irm, request);
}

/** A request's deadline passed. */
export function requestTimedOut(irm: IrmState, request: Request): void {
  const { phase, nameText } = request;
  if (phase === 'grace' && irm.nowUs < request.expiresUs) {
    return refuse(irm, request, 'FLOWRING_NO_ACCEPTOR', undefined, { name: nameText });
  }
  giveUp(irm, request, 'timedOut', 'FLOWRING_TIMEOUT', {
    name: nameText,
    timeoutMs: request.timeoutMs,
    phase,
  });
}

export function createRequest(
  irm: IrmState,
  client: ProcessEntry,
  name: NameEntry | null,
  message: ControlMessage<'alloc'> | ControlMessage<'ipcp-incoming'>,
  layer: string | null,
  direct: boolean,
): Request {
  const incoming = message.t === 'ipcp-incoming';
  const request: Omit<Request, 'flow'> & { flow: Request['flow'] | null } = {
    timer: 'request',
    deadlineUs: 0,
    heapIndex: -1,
    prev: null,
    next: null,
    linked: false,
    order: irm.nextOrder(),
    client,
    req: incoming ? message.incoming : message.req,
    incoming,
    name,
    nameText: message.name,
    qos: message.qos,
    data: message.data,
    timeoutMs: message.timeoutMs,
    expiresUs: irm.after(message.timeoutMs),
    layer,
    direct,
    wantsLease: !incoming && direct && message.lease === true,
    params: incoming ? message.params : irm.settings.directParams,
    phase: 'accept',
    flow: null,
    acceptor: null,
    channel: null,
    openQueries: 0,
    queryFailure: null,
  };
  client.pendingCount += 1;
  request.flow = irm.flows.create(request as Request);
  return request as Request;
}

export function boundReached(
  irm: IrmState,
  client: ProcessEntry,
  name: NameEntry | null,
): ErrorDetails | null {
  if (irm.flows.size >= irm.settings.flowsMax) {
    return { limit: 'flowsMax', value: irm.settings.flowsMax };
  }
  if (client.pendingCount >= LIMITS.requestsPerProcessMax) {
    return { limit: 'requestsPerProcessMax', value: LIMITS.requestsPerProcessMax };
  }
  if (name !== null && name.waiting.size >= LIMITS.pendingAllocsPerNameMax) {
    return { limit: 'pendingAllocsPerNameMax', value: LIMITS.pendingAllocsPerNameMax };
  }
  return null;
}

/** After a program was bound with `auto`: requests that wait in vain may start it. */
export function rerouteStarts(irm: IrmState, name: NameEntry): void {
  if (!canStart(name)) return;
  for (const request of name.waiting) if (request.phase === 'grace') route(irm, request);
}

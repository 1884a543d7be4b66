import type { ControlMessage, ErrorCode, ErrorDetails, FlowId } from '@flowring/common';
import { ensureChannel } from './channels.ts';
import { moveFlow } from './flow-events.ts';
import { REMOTE_PEER, announce, ipcpAllocMessage, offerMessage, peerInfo } from './flow-messages.ts';
import type { IrmState } from './irm-state.ts';
import { grantLease } from './leases.ts';
import type { Acceptor, Seat } from './registry/acceptor.ts';
import { setCredit } from './registry/acceptor.ts';
import type { Channel } from './registry/channel.ts';
import { channelIdFor, openSpecFor } from './registry/channel.ts';
import { enterServer, leaveClient } from './registry/flow.ts';
import type { NameEntry } from './registry/name.ts';
import { rotateSeat } from './registry/name.ts';
import type { ProcessEntry } from './registry/process.ts';
import type { Request } from './request.ts';
import { acceptorUid } from './request.ts';
import { refuse, settle, tellRefusal, wait } from './requests.ts';

/** Gives waiting requests to an acceptor while it has credit: the oldest of all its names first. */
export function serve(irm: IrmState, acceptor: Acceptor): void {
  while (acceptor.credit > 0) {
    let oldest: Request | null = null;
    for (const name of acceptor.seats.keys()) {
      const request = firstEligible(name, acceptor.process.joined.uid);
      if (request !== null && (oldest === null || request.order < oldest.order)) oldest = request;
    }
    if (oldest === null) return;
    match(irm, oldest, acceptor.seats.get(oldest.name!)!);
  }
}

function firstEligible(name: NameEntry, uid: number): Request | null {
  for (let request = name.waiting.first; request !== null; request = request.next) {
    const wanted = acceptorUid(request);
    if (wanted === null || wanted === uid) return request;
  }
  return null;
}

export function match(irm: IrmState, request: Request, seat: Seat): void {
  const { acceptor } = seat;
  seat.name.waiting.remove(request);
  request.openQueries = 0;
  rotateSeat(seat);
  setCredit(acceptor, acceptor.credit - 1);
  request.acceptor = acceptor;
  connect(irm, request, acceptor.process);
}

/** Joins a request to the process that will answer it, over the channel of the two. */
export function connect(irm: IrmState, request: Request, server: ProcessEntry): void {
  if (!moveFlow(irm, request.flow, 'matched')) return;
  enterServer(request.flow, server);
  const channel = ensureChannel(irm, request.client, server);
  if (channel === null) {
    giveCreditBack(irm, request);
    return refuse(irm, request, 'FLOWRING_CHANNEL', 'the two programs have no kind of channel in common');
  }
  request.channel = channel;
  if (channel.token !== '') return proceed(irm, request, channel);
  wait(irm, request, 'channel', request.expiresUs);
  channel.waiting.push(request);
}

/** The channel is there: ask the layer, ask the server, or tell both. */
export function proceed(irm: IrmState, request: Request, channel: Channel): void {
  const { flow, acceptor } = request;
  if (flow.path === 'out') {
    if (!moveFlow(irm, flow, 'requested')) return;
    irm.send(flow.server!, ipcpAllocMessage(irm, request, channel));
    return wait(irm, request, 'layer', request.expiresUs);
  }
  if (acceptor !== null && acceptor.decide) {
    if (!moveFlow(irm, flow, 'offered')) return;
    irm.send(flow.server!, offerMessage(request, channel, acceptor, true));
    return wait(irm, request, 'decide', request.expiresUs);
  }
  if (!moveFlow(irm, flow, 'confirmed')) return;
  const server = flow.server!;
  const lease = grantLease(irm, request, channel, acceptor!)?.first;
  const offer = offerMessage(request, channel, acceptor!, false, lease);
  // The client first: somebody waits there, and its first message may overtake the offer without harm.
  tellClient(irm, request, channel, undefined, lease);
  irm.send(server, offer);
}

/** The server's answer to an offer that it was asked to decide on. */
export function answer(irm: IrmState, server: ProcessEntry, message: ControlMessage<'answer'>): void {
  const flow = irm.flows.get(message.flow);
  const request = flow?.request;
  if (flow === undefined || flow.server !== server || flow.path === 'out' || request?.phase !== 'decide') {
    irm.counters.stale += 1;
    return;
  }
  if (message.code !== undefined) return refuse(irm, request, message.code);
  if (moveFlow(irm, flow, 'confirmed')) tellClient(irm, request, request.channel!, message.data);
}

/** The client hears that it has its flow; the request is done. */
function tellClient(
  irm: IrmState,
  request: Request,
  channel: Channel,
  data: Uint8Array | undefined,
  lease?: FlowId,
): void {
  const { flow, client } = request;
  const open = openSpecFor(channel, client, false);
  const first = data === undefined ? {} : { data };
  const spec = open === undefined ? {} : { open };
  const id = channelIdFor(channel, client, false);
  if (request.incoming) {
    irm.send(client, {
      t: 'ipcp-accept',
      incoming: request.req,
      flow: flow.id,
      channel: id,
      ...spec,
      ...first,
    });
  } else {
    irm.send(client, {
      t: 'allocated',
      req: request.req,
      flow: flow.id,
      qos: request.qos,
      channel: id,
      ...(open === undefined ? {} : { open, params: request.params, peer: peerInfo(flow.server!) }),
      ...(lease === undefined ? {} : { lease }),
      ...first,
    });
  }
  settle(irm, request);
  irm.counters.allocated += 1;
  announce(irm, request.flow);
}

/** The layer's answer to `ipcp-alloc`: the far side took the flow. */
export function layerConfirmed(
  irm: IrmState,
  ipcp: ProcessEntry,
  message: ControlMessage<'ipcp-allocated'>,
): void {
  const flow = irm.flows.get(message.flow);
  const request = flow?.request;
  if (flow === undefined || flow.server !== ipcp || request?.phase !== 'layer') {
    irm.counters.stale += 1;
    return;
  }
  if (!moveFlow(irm, flow, 'confirmed')) return;
  const channel = request.channel!;
  const open = openSpecFor(channel, request.client, false);
  irm.send(request.client, {
    t: 'allocated',
    req: request.req,
    flow: flow.id,
    qos: message.qos,
    channel: channel.id,
    params: message.params,
    peer: REMOTE_PEER,
    ...(open === undefined ? {} : { open }),
    ...(flow.layer === null ? {} : { layer: flow.layer }),
    ...(message.data === undefined ? {} : { data: message.data }),
  });
  settle(irm, request);
  irm.counters.allocated += 1;
  announce(irm, request.flow);
}

/** The path of a flow carries more or less than when it was allocated: its program hears. */
export function layerPath(irm: IrmState, ipcp: ProcessEntry, message: ControlMessage<'ipcp-path'>): void {
  const flow = irm.flows.get(message.flow);
  const program = flow?.path === 'out' ? flow.client : flow?.path === 'in' ? flow.server : null;
  const layer = flow?.path === 'out' ? flow.server : flow?.client;
  if (flow === undefined || program === null || layer !== ipcp || flow.state !== 'allocated') {
    irm.counters.stale += 1;
    return;
  }
  irm.send(program, { t: 'path', flow: flow.id, params: message.params });
}

/** The client gives up, ran out of time, or died, before its request was answered. */
export function giveUp(
  irm: IrmState,
  request: Request,
  event: 'cancelled' | 'timedOut' | 'clientDied',
  code: ErrorCode,
  details?: ErrorDetails,
): void {
  const { flow } = request;
  const was = flow.state;
  if (!moveFlow(irm, flow, event)) return;
  if (event !== 'clientDied') tellRefusal(irm, request, code, undefined, details);
  if (event === 'timedOut') irm.counters.timedOut += 1;
  if (event === 'cancelled') irm.counters.cancelled += 1;
  settle(irm, request);
  if (was === 'deciding') irm.send(flow.server!, { t: 'offer-withdrawn', flow: flow.id, code });
  if (was === 'requested') {
    leaveClient(flow);
    irm.send(flow.server!, { t: 'ipcp-dealloc', flow: flow.id });
  }
  if (was === 'connecting') giveCreditBack(irm, request);
}

export function giveCreditBack(irm: IrmState, request: Request): void {
  const { acceptor } = request;
  if (acceptor === null || acceptor.process.acceptors.get(acceptor.id) !== acceptor) return;
  setCredit(acceptor, acceptor.credit + 1);
  serve(irm, acceptor);
}

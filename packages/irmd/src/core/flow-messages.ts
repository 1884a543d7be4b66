import type { ControlMessage, FlowId, PeerInfo } from '@flowring/common';
import type { IrmState } from './irm-state.ts';
import type { Acceptor } from './registry/acceptor.ts';
import type { Channel } from './registry/channel.ts';
import { channelIdFor, openSpecFor } from './registry/channel.ts';
import type { FlowEntry } from './registry/flow.ts';
import type { ProcessEntry } from './registry/process.ts';
import type { Request } from './request.ts';

export function offerMessage(
  request: Request,
  channel: Channel,
  acceptor: Acceptor,
  decide: boolean,
  lease?: FlowId,
): ControlMessage<'offer'> {
  const server = acceptor.process;
  const open = openSpecFor(channel, server, true);
  return {
    t: 'offer',
    acceptor: acceptor.id,
    flow: request.flow.id,
    name: request.nameText,
    qos: request.qos,
    decide,
    channel: channelIdFor(channel, server, true),
    ...(request.incoming || open !== undefined ? { params: request.params } : {}),
    ...(request.incoming ? { peer: REMOTE_PEER } : {}),
    ...(open === undefined ? {} : { open, ...(request.incoming ? {} : { peer: peerInfo(request.client) }) }),
    ...(request.layer === null ? {} : { layer: request.layer }),
    ...(lease === undefined ? {} : { lease }),
    ...(request.data === undefined ? {} : { data: request.data }),
  };
}

export function ipcpAllocMessage(
  irm: IrmState,
  request: Request,
  channel: Channel,
): ControlMessage<'ipcp-alloc'> {
  const open = openSpecFor(channel, request.flow.server!, true);
  return {
    t: 'ipcp-alloc',
    flow: request.flow.id,
    name: request.nameText,
    qos: request.qos,
    timeoutMs: Math.max(1, Math.ceil((request.expiresUs - irm.nowUs) / 1_000)),
    channel: channel.id,
    ...(open === undefined ? {} : { open }),
    ...(request.data === undefined ? {} : { data: request.data }),
  };
}

export function peerInfo(process: ProcessEntry): PeerInfo {
  return { pid: process.joined.pid, uid: process.joined.uid, program: process.joined.program };
}

export const REMOTE_PEER = { pid: 0, uid: 0, program: '' } as const;

/** Says that a flow is there to whoever follows the events. */
export function announce(irm: IrmState, flow: FlowEntry): void {
  irm.publish('flow-up', {
    flow: flow.id,
    name: flow.name,
    path: flow.path,
    service: flow.service,
    client: flow.client.joined.pid,
    server: flow.server!.joined.pid,
  });
}

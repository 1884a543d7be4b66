import type { ChannelId, ChannelKind, ChannelSpec } from '@flowring/common';
import type { Request } from '../request.ts';
import type { Lease } from './lease.ts';
import type { ProcessEntry } from './process.ts';

/** One end of a channel as the IRMd sees it: what its process has said of it. */
export type ChannelEndState = 'unopened' | 'up' | 'down';

/** The channel between two processes; `a` is the one whose request made it. */
export interface Channel {
  /** Id for both ends; a process that has a flow to itself knows the far end as `idB`. */
  readonly id: ChannelId;
  readonly idB: ChannelId;
  readonly kind: ChannelKind;
  readonly path: string;
  readonly ringBytes: number;
  readonly a: ProcessEntry;
  readonly b: ProcessEntry;
  endA: ChannelEndState;
  endB: ChannelEndState;
  /** Secret of both ends; '' until the files are made. */
  token: string;
  hasFiles: boolean;
  /** Ended while its files were being made; they are to be removed when they are. */
  abandoned: boolean;
  /** Requests matched while the files are being made. */
  readonly waiting: Request[];
  /** Leases whose flows it carries. */
  readonly leases: Lease[];
}

/** The id under which an end knows the channel. `serverEnd` matters only when both ends are one process. */
export function channelIdFor(channel: Channel, process: ProcessEntry, serverEnd: boolean): ChannelId {
  return isEndB(channel, process, serverEnd) ? channel.idB : channel.id;
}

/** How an end opens the channel, until it has said that it did. */
export function openSpecFor(
  channel: Channel,
  process: ProcessEntry,
  serverEnd: boolean,
): ChannelSpec | undefined {
  const endB = isEndB(channel, process, serverEnd);
  if ((endB ? channel.endB : channel.endA) !== 'unopened') return undefined;
  return {
    id: endB ? channel.idB : channel.id,
    kind: channel.kind,
    side: endB ? 'b' : 'a',
    path: channel.path,
    ringBytes: channel.ringBytes,
    token: channel.token,
  };
}

/** Shared memory where all can, else unix sockets; `null` when they share no kind. */
export function commonKind(...able: readonly (readonly ChannelKind[])[]): ChannelKind | null {
  for (const kind of ['shm', 'unix'] as const) if (able.every((kinds) => kinds.includes(kind))) return kind;
  return null;
}

function isEndB(channel: Channel, process: ProcessEntry, serverEnd: boolean): boolean {
  return channel.a === channel.b ? serverEnd : channel.b === process;
}

import type { Acceptor } from './acceptor.ts';
import type { Channel } from './channel.ts';
import type { FlowEntry } from './flow.ts';
import type { IpcpEntry } from './ipcp.ts';
import type { BindReason, NameEntry } from './name.ts';
import type { AttestedProcess } from '@flowring/common';

/** A registered process and everything it holds; all of it goes when the process does. */
export interface ProcessEntry {
  readonly id: number;
  readonly joined: AttestedProcess;
  /** Set for a process that is one of our IPCPs. */
  ipcp: IpcpEntry | null;
  /** Names it serves, and why. */
  readonly names: Map<NameEntry, BindReason>;
  readonly acceptors: Map<number, Acceptor>;
  /** Its endpoints as client, by correlation id (apps) or by the IPCP's id of an incoming request. */
  readonly requests: Map<number, FlowEntry>;
  readonly incoming: Map<number, FlowEntry>;
  /** Its endpoints as server: the first of a list through `nextServed`. */
  served: FlowEntry | null;
  servedCount: number;
  /** Requests of it that wait for their answer. */
  pendingCount: number;
  /** Channels to other processes, by the other's id. */
  readonly channels: Map<number, Channel>;
}

export function createProcess(joined: AttestedProcess): ProcessEntry {
  return {
    id: joined.process,
    joined,
    ipcp: null,
    names: new Map(),
    acceptors: new Map(),
    requests: new Map(),
    incoming: new Map(),
    served: null,
    servedCount: 0,
    pendingCount: 0,
    channels: new Map(),
  };
}

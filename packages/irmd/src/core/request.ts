import type { PathParams, QosSpec } from '@flowring/common';
import type { Failure } from './errands.ts';
import type { Timed } from './deadline-heap.ts';
import type { Linked } from './linked-list.ts';
import type { Acceptor } from './registry/acceptor.ts';
import type { Channel } from './registry/channel.ts';
import type { FlowEntry } from './registry/flow.ts';
import type { NameEntry } from './registry/name.ts';
import type { ProcessEntry } from './registry/process.ts';

/**
 * What a request waits for, as a timeout reports it: a process that accepts, a program being started, IPCPs asked
 * for the name, anybody at all to serve the name, the channel, the server's decision, the layer's answer.
 */
export type RequestPhase = 'accept' | 'start' | 'query' | 'grace' | 'channel' | 'decide' | 'layer';

/** An allocation under way; gone with its answer. */
export interface Request extends Timed, Linked<Request> {
  readonly timer: 'request';
  /** Order of arrival over all names. */
  readonly order: number;
  readonly client: ProcessEntry;
  readonly req: number;
  /** It came from a layer: the client half is the IPCP. */
  readonly incoming: boolean;
  readonly name: NameEntry | null;
  readonly nameText: string;
  readonly qos: QosSpec;
  readonly data: Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly expiresUs: number;
  /** The layer it must take, or came by. */
  readonly layer: string | null;
  readonly direct: boolean;
  /** The client would open its next flows to the name without asking. */
  readonly wantsLease: boolean;
  readonly params: PathParams;
  phase: RequestPhase;
  flow: FlowEntry;
  acceptor: Acceptor | null;
  channel: Channel | null;
  /** IPCPs asked for the name that have not answered. */
  openQueries: number;
  /** Why the first of them could not say whether it knows the name. */
  queryFailure: Failure | null;
}

/** The uid an acceptor must have; requests from a layer may go to any. */
export function acceptorUid(request: Request): number | null {
  return request.incoming ? null : request.client.joined.uid;
}

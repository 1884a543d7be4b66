import type { FlowId, FlowService } from '@flowring/common';
import { serviceOf } from '@flowring/common';
import type { FlowState } from '../flow-states.ts';
import type { Request } from '../request.ts';
import type { Lease } from './lease.ts';
import { LEASED_ID_MIN } from './lease.ts';
import type { ProcessEntry } from './process.ts';

/** `direct`: program to program; `out`: the server half is an IPCP; `in`: the client half is one. */
export type FlowPath = 'direct' | 'out' | 'in';

/**
 * A flow endpoint. Flat and small: a daemon may hold hundreds of thousands. What only an allocation under way
 * needs is in `request`, which goes with the answer.
 */
export interface FlowEntry {
  readonly id: FlowId;
  state: FlowState;
  path: FlowPath;
  readonly service: FlowService;
  /** The client's correlation id, the IPCP's id of the incoming request, or -id for one opened on a lease. */
  readonly req: number;
  readonly name: string;
  layer: string | null;
  readonly client: ProcessEntry;
  server: ProcessEntry | null;
  request: Request | null;
  prevServed: FlowEntry | null;
  nextServed: FlowEntry | null;
}

/** All endpoints by id. Ids count up and wrap past those in use, so a fresh one is not reused for 2^30 flows. */
export class FlowTable {
  readonly #flows = new Map<FlowId, FlowEntry>();
  #lastId = 0;

  get size(): number {
    return this.#flows.size;
  }

  get(id: FlowId): FlowEntry | undefined {
    return this.#flows.get(id);
  }

  values(): IterableIterator<FlowEntry> {
    return this.#flows.values();
  }

  /** A new endpoint in state `waiting`, known to its client under `req`. */
  create(request: Request): FlowEntry {
    do {
      this.#lastId = this.#lastId === LEASED_ID_MIN - 1 ? 1 : this.#lastId + 1;
    } while (this.#flows.has(this.#lastId));
    const flow: FlowEntry = {
      id: this.#lastId,
      state: 'waiting',
      path: request.incoming ? 'in' : 'direct',
      service: serviceOf(request.qos),
      req: request.req,
      name: request.nameText,
      layer: request.layer,
      client: request.client,
      server: null,
      request,
      prevServed: null,
      nextServed: null,
    };
    this.#flows.set(flow.id, flow);
    clientIndex(flow).set(flow.req, flow);
    return flow;
  }

  /** An endpoint that its ends made on a lease, of which one half is known: in no process's index yet. */
  adopt(id: FlowId, lease: Lease, service: FlowService, state: FlowState): FlowEntry {
    const flow: FlowEntry = {
      id,
      state,
      path: 'direct',
      service,
      req: -id,
      name: lease.name.text,
      layer: null,
      client: lease.client,
      server: lease.server,
      request: null,
      prevServed: null,
      nextServed: null,
    };
    this.#flows.set(id, flow);
    return flow;
  }

  hasAny(first: FlowId, count: number): boolean {
    for (let id = first; id < first + count; id++) if (this.#flows.has(id)) return true;
    return false;
  }

  delete(flow: FlowEntry): void {
    this.#flows.delete(flow.id);
    leaveClient(flow);
    leaveServer(flow);
  }
}

/** Where its client finds the endpoint. */
export function clientIndex(flow: FlowEntry): Map<number, FlowEntry> {
  return flow.path === 'in' ? flow.client.incoming : flow.client.requests;
}

/** The client's half is gone: its correlation id is free again. */
export function leaveClient(flow: FlowEntry): void {
  const index = clientIndex(flow);
  if (index.get(flow.req) === flow) index.delete(flow.req);
}

export function enterServer(flow: FlowEntry, server: ProcessEntry): void {
  flow.server = server;
  flow.nextServed = server.served;
  if (server.served !== null) server.served.prevServed = flow;
  server.served = flow;
  server.servedCount += 1;
}

/** The server's half is gone. */
export function leaveServer(flow: FlowEntry): void {
  const { server } = flow;
  if (server === null || (flow.prevServed === null && server.served !== flow)) return;
  if (flow.prevServed === null) server.served = flow.nextServed;
  else flow.prevServed.nextServed = flow.nextServed;
  if (flow.nextServed !== null) flow.nextServed.prevServed = flow.prevServed;
  flow.prevServed = null;
  flow.nextServed = null;
  server.servedCount -= 1;
}

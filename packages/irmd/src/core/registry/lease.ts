import type { FlowId } from '@flowring/common';
import { LIMITS } from '@flowring/common';
import type { Channel } from './channel.ts';
import type { NameEntry } from './name.ts';
import type { ProcessEntry } from './process.ts';

/** `LIMITS.leaseFlows` flow ids, with which a client may open flows to a name with its server alone. */
export interface Lease {
  readonly first: FlowId;
  readonly client: ProcessEntry;
  readonly server: ProcessEntry;
  readonly name: NameEntry;
  readonly channel: Channel;
}

const { leaseFlows } = LIMITS;
/** Leased ids are the upper half of all; all are small integers to V8, which boxes larger ones. */
export const LEASED_ID_MIN = 0x4000_0000;
const BLOCKS = LEASED_ID_MIN / leaseFlows;

/** All leases by their ids. A lease that is over is found until the client's next one to that name is, for late news. */
export class LeaseTable {
  readonly #blocks = new Map<number, Lease>();
  #lastBlock = 0;

  get size(): number {
    return this.#blocks.size;
  }

  of(id: FlowId): Lease | undefined {
    return id < LEASED_ID_MIN ? undefined : this.#blocks.get(blockOf(id));
  }

  /** `inUse` says whether a flow that outlived its lease still has one of the ids. */
  create(parties: Omit<Lease, 'first'>, inUse: (first: FlowId) => boolean): Lease {
    do this.#lastBlock = (this.#lastBlock + 1) % BLOCKS;
    while (this.#blocks.has(this.#lastBlock) || inUse(firstOf(this.#lastBlock)));
    const lease: Lease = { first: firstOf(this.#lastBlock), ...parties };
    this.#blocks.set(this.#lastBlock, lease);
    lease.name.leases.add(lease);
    lease.channel.leases.push(lease);
    return lease;
  }

  /** Forgets it: nothing more is heard of its flows that were not told yet. */
  forget(lease: Lease): void {
    this.#blocks.delete(blockOf(lease.first));
    lease.name.leases.delete(lease);
    const at = lease.channel.leases.indexOf(lease);
    if (at >= 0) lease.channel.leases.splice(at, 1);
  }
}

function blockOf(id: FlowId): number {
  return ((id - LEASED_ID_MIN) / leaseFlows) | 0;
}

function firstOf(block: number): FlowId {
  return LEASED_ID_MIN + block * leaseFlows;
}

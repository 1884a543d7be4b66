import type { LoadBalancePolicy } from '@flowring/common';
import type { Request } from '../request.ts';
import { LinkedList } from '../linked-list.ts';
import type { Seat } from './acceptor.ts';
import type { IpcpEntry } from './ipcp.ts';
import type { Lease } from './lease.ts';
import type { ProcessEntry } from './process.ts';
import type { ProgramBinding } from './program.ts';
import type { Starter } from '../autostart.ts';

/** Why a process serves a name: by an order to bind it, by its program, or because it accepts on the name. */
export type BindReason = 'bound' | 'program' | 'accepts';

/** A name: who serves it, who waits for it, where it is registered. */
export interface NameEntry {
  readonly text: string;
  readonly ownerUid: number;
  readonly policy: LoadBalancePolicy;
  /** Made by a program that accepts on it; goes when nobody serves or wants it any more. */
  readonly implicit: boolean;
  readonly processes: Set<ProcessEntry>;
  readonly programs: Set<ProgramBinding>;
  /** IPCPs it is registered with. */
  readonly registrations: Set<IpcpEntry>;
  /** Seats of acceptors with credit, in the order the policy serves them. */
  readonly ready: LinkedList<Seat>;
  /** Requests in order of arrival. */
  readonly waiting: LinkedList<Request>;
  /** Leases that let clients open flows to it without asking. */
  readonly leases: Set<Lease>;
  seatOrder: number;
  starter: Starter | null;
}

export function createName(
  text: string,
  ownerUid: number,
  policy: LoadBalancePolicy,
  implicit: boolean,
): NameEntry {
  return {
    text,
    ownerUid,
    policy,
    implicit,
    processes: new Set(),
    programs: new Set(),
    registrations: new Set(),
    ready: new LinkedList(),
    waiting: new LinkedList(),
    leases: new Set(),
    seatOrder: 0,
    starter: null,
  };
}

/** The seat a request of `uid` gets, by the name's policy, or `null`; `uid` null: any (the request came by a layer). */
export function chooseSeat(name: NameEntry, uid: number | null): Seat | null {
  let best: Seat | null = null;
  for (let seat = name.ready.first; seat !== null; seat = seat.next) {
    const { process } = seat.acceptor;
    if (uid !== null && process.joined.uid !== uid) continue;
    if (name.policy !== 'least-flows') return seat;
    if (best === null || process.servedCount < best.acceptor.process.servedCount) best = seat;
  }
  return best;
}

/** After a seat was served: with `round-robin` and `least-flows` the next one's turn comes. */
export function rotateSeat(seat: Seat): void {
  const { name } = seat;
  if (name.policy === 'spillover' || !seat.linked || name.ready.last === seat) return;
  name.ready.remove(seat);
  name.ready.push(seat);
}

/** Whether a process that a request of `uid` may reach directly is bound to the name. */
export function isServed(name: NameEntry, uid: number | null): boolean {
  if (uid === null) return name.processes.size > 0;
  for (const process of name.processes) if (process.joined.uid === uid) return true;
  return false;
}

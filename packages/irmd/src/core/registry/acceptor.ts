import type { Linked } from '../linked-list.ts';
import type { NameEntry } from './name.ts';
import type { ProcessEntry } from './process.ts';

/** One accept loop of a process: so many flows it is ready to take. */
export interface Acceptor {
  readonly id: number;
  readonly process: ProcessEntry;
  /** The one name it serves; `null` for every name its process is bound to. */
  readonly name: NameEntry | null;
  credit: number;
  decide: boolean;
  readonly seats: Map<NameEntry, Seat>;
}

/** An acceptor's place at one name; in the name's `ready` list while the acceptor has credit. */
export interface Seat extends Linked<Seat> {
  readonly acceptor: Acceptor;
  readonly name: NameEntry;
  /** Order in which seats were taken: what `spillover` fills first. */
  readonly order: number;
}

export function createAcceptor(process: ProcessEntry, id: number, name: NameEntry | null): Acceptor {
  return { id, process, name, credit: 0, decide: false, seats: new Map() };
}

/** Takes a place for the acceptor at a name. Idempotent. */
export function takeSeat(acceptor: Acceptor, name: NameEntry): void {
  if (acceptor.seats.has(name)) return;
  name.seatOrder += 1;
  const seat: Seat = { acceptor, name, order: name.seatOrder, prev: null, next: null, linked: false };
  acceptor.seats.set(name, seat);
  if (acceptor.credit > 0) makeReady(seat);
}

export function leaveSeat(acceptor: Acceptor, name: NameEntry): void {
  const seat = acceptor.seats.get(name);
  if (seat === undefined) return;
  name.ready.remove(seat);
  acceptor.seats.delete(name);
}

/** Sets the credit; its seats enter or leave their names' ready lists with it. */
export function setCredit(acceptor: Acceptor, credit: number): void {
  acceptor.credit = credit;
  for (const seat of acceptor.seats.values()) {
    if (credit > 0) makeReady(seat);
    else seat.name.ready.remove(seat);
  }
}

function makeReady(seat: Seat): void {
  const { name } = seat;
  if (seat.linked) return;
  let mark: Seat | null = null;
  if (name.policy === 'spillover') {
    mark = name.ready.first;
    while (mark !== null && mark.order < seat.order) mark = mark.next;
  }
  name.ready.insertBefore(seat, mark);
}

import type { FlowId } from '@flowring/common';
import type { DurationUs, InstantUs } from '@flowring/frcp';
import type { PeerAddress } from './fa-flow.ts';
import type { FaInput, FaOutput } from './fa-messages.ts';

/** Entries in every table: what a leak would show in. */
export type FaTableSizes = Readonly<
  Record<'flows' | 'incoming' | 'eids' | 'resting' | 'answers' | 'peers' | 'timers', number>
>;

/** A flow's peer, as its liveness monitor sees it. */
export interface PeerView {
  readonly peer: PeerAddress;
  /** Smoothed round trip, us; `null`: not measured. */
  readonly rttUs: DurationUs | null;
  /** Since anything of it was heard, us. */
  readonly heardUs: DurationUs;
}

/**
 * A flow allocator with its liveness monitoring, whatever it speaks to its peers. Pure: what is to be done comes out,
 * and time is what the caller says it is (never decreasing). Call `handleTimeout` when `nextTimeout` says so, after all
 * packets that have arrived; a call that comes late is taken as our own stall.
 */
export interface Allocator {
  /** Which counters it has, in the table of metrics. */
  readonly kind: 'fa' | 'o7s';
  /** One input; returns what to do, in order. An input that makes no sense in the present state does nothing. */
  handle(input: FaInput, nowUs: InstantUs): FaOutput[];
  /** Does what is due. A call before its time does nothing. */
  handleTimeout(nowUs: InstantUs): FaOutput[];
  /** When `handleTimeout` is wanted, or `null`. */
  nextTimeout(): InstantUs | null;
  /** A data packet for our EID `sEid` came in: its peer lives. Returns its flow; 0: it is nobody's, drop it. */
  noteData(sEid: number, nowUs: InstantUs, from?: PeerAddress): FlowId;
  /** A data packet of the flow with our EID `sEid` left. */
  noteSent(sEid: number, nowUs: InstantUs): void;
  /** The driver knows of a stall that `nextTimeout` could not show (a suspended host). */
  noteStall(stallUs: DurationUs, nowUs: InstantUs): void;
  inspect(): FaTableSizes;
  counters(): Readonly<Record<string, number>>;
  /** What is known of an allocated flow's peer, or `null`. */
  viewOf(flow: FlowId, nowUs: InstantUs): PeerView | null;
}

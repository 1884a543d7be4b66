import type { Receiver } from './receiver.ts';
import type { Sender } from './sender.ts';
import type { InstantUs } from './time.ts';

/** What a sender with nothing queued has to remember. */
export interface DormantSender {
  readonly index: number;
  readonly pos: number;
  readonly edge: number;
  readonly edgePos: number;
  readonly base: number;
  readonly runStarted: boolean;
  readonly newRunAt: InstantUs;
  readonly srttUs: number;
  readonly rttvarUs: number;
  readonly minUs: number;
}

/** What a receiver with nothing held and nothing to acknowledge has to remember. */
export interface DormantReceiver {
  readonly next: number;
  readonly base: number;
  readonly acceptedBytes: number;
  readonly edge: number;
  readonly edgeBytes: number;
  readonly expiresAt: InstantUs;
  readonly lastAckAt: InstantUs;
}

/** The halves of a connection with nothing to do: the state of both runs in a third of the memory. */
export interface Dormant {
  readonly tx: DormantSender | null;
  readonly rx: DormantReceiver | null;
}

/** The state of both halves, or `null` while one has something to do. The timers must all be unset. */
export function dormantOf(tx: Sender | null, rx: Receiver | null): Dormant | null {
  if ((tx !== null && !tx.isQuiet) || (rx !== null && !rx.isQuiet)) return null;
  return { tx: tx === null ? null : tx.remember(), rx: rx === null ? null : rx.remember() };
}

import type { FrcpParams } from './params.ts';
import type { Pci } from './pci.ts';
import type { SendWindow } from './send-window.ts';
import type { DurationUs } from './time.ts';

/**
 * The header of another implementation, and what it cannot say or does otherwise. Ours has none of this: there
 * `FrcpParams.wire` is `null`.
 */
export interface Wire {
  readonly name: string;
  /** Header of every PDU, bytes. It has no FIRST, LAST, END, RESET, ranges or segments. */
  readonly headerBytes: number;
  /** A PDU of this many bytes of user data must be taken in, whatever our own MTU is. */
  readonly payloadMaxBytes: number;
  /** Until the peer says otherwise it has room for so many PDUs. */
  readonly startWindowPdus: number;
  /** Most PDUs a window can grant beyond what was sent. */
  readonly windowMaxPdus: number;
  /** The peer's A, which our acknowledgements need not use up. */
  readonly peerAUs: DurationUs;
  /** What the peer adds to both run timers for its clock in whole seconds. */
  readonly timerMarginUs: DurationUs;
  /** Defaults of the parameters. */
  readonly defaults: Partial<FrcpParams>;
  /** Reads the header of `buf[start, end)`. What it says of our numbers is made full with `sent`. */
  decode(buf: Uint8Array, start: number, end: number, pci: Pci, sent: SendWindow | null): boolean;
  /** Writes a header of `headerBytes`; returns its size. */
  encode(out: Uint8Array, at: number, pci: Pci): number;
}

import { WINDOW_PDUS_MAX, type FrcpParams } from './params.ts';
import { FLAG, type Pci } from './pci.ts';
import type { Receiver } from './receiver.ts';
import type { Sender } from './sender.ts';

/** Answers a probe of a peer that has no run here: its own number and our window. */
export function stampEcho(pci: Pci, seq: number, rx: Receiver | null, params: FrcpParams): void {
  pci.sackRanges = 0;
  pci.timed = pci.asks = false;
  if (rx === null) {
    pci.edge = (seq + params.windowPdus) | 0;
    pci.creditBytes = params.windowFirstBytes;
  } else {
    rx.window.stamp(pci);
    pci.edge = (seq + rx.window.edge - rx.window.next) | 0;
  }
  pci.flags = FLAG.ACK;
  pci.ack = seq;
}

/** Tells the peer that the flow is over: our next number, and what we acknowledge. */
export function stampReset(pci: Pci, tx: Sender | null, rx: Receiver | null): void {
  pci.flags = FLAG.RESET;
  pci.seq = tx === null ? 0 : (tx.window.nxt + tx.window.base) | 0;
  pci.ack = pci.edge = pci.creditBytes = pci.sackRanges = 0;
  pci.timed = pci.asks = false;
  if (rx === null) return;
  rx.window.stamp(pci);
  pci.flags |= FLAG.ACK;
}

/** A reset is believed only with a number our run could have got to, or an acknowledgement of what we did send. */
//= R-FRCP-54
export function isBelievableReset(pci: Pci, tx: Sender | null, rx: Receiver | null): boolean {
  const hasAck = (pci.flags & FLAG.ACK) !== 0;
  if (rx === null && !hasAck) return true;
  if (rx !== null && (pci.seq - rx.window.next - rx.window.base) >>> 0 <= WINDOW_PDUS_MAX) return true;
  if (tx === null || !hasAck) return false;
  const { window } = tx;
  return (window.indexOf(pci.ack) - window.una) >>> 0 <= (window.nxt - window.una) >>> 0;
}

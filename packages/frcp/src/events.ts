export type FrcpDownReason = 'gave-up' | 'protocol-violation' | 'reset';

/** What a connection has to tell its driver, from `pollEvent`. */
export type FrcpEvent =
  /** `read` returns an SDU. */
  | { readonly type: 'readable' }
  /** After `would-block`: a write may succeed. */
  | { readonly type: 'writable' }
  /**
   * The peer's end marker arrived: what `read` still returns is the rest. `clean`: no SDU was cut, and on a
   * reliable flow none is missing.
   */
  | { readonly type: 'end'; readonly clean: boolean }
  /** Failed. What `read` still returns was accepted and acknowledged. */
  | { readonly type: 'down'; readonly reason: FrcpDownReason; readonly unackedSdus: number }
  /** Our close has finished. */
  | { readonly type: 'closed'; readonly unackedSdus: number }
  /** The machine has answered the last copy that can arrive: forget it. */
  | { readonly type: 'drained' };

/** Bits of events not yet polled, in the order in which they are told. */
export const EVENT = { READABLE: 1, WRITABLE: 2, END: 4, CLOSED: 8, DOWN: 16, DRAINED: 32 } as const;

const READABLE: FrcpEvent = Object.freeze({ type: 'readable' });
const WRITABLE: FrcpEvent = Object.freeze({ type: 'writable' });
const CLEAN_END: FrcpEvent = Object.freeze({ type: 'end', clean: true });
const CUT_END: FrcpEvent = Object.freeze({ type: 'end', clean: false });
const CLOSED: FrcpEvent = Object.freeze({ type: 'closed', unackedSdus: 0 });
const DRAINED: FrcpEvent = Object.freeze({ type: 'drained' });

/** The event of a bit; `down` has none, since it tells more. `cutSdu`: an SDU is incomplete. */
export function eventOf(bit: number, cutSdu: boolean): FrcpEvent {
  switch (bit) {
    case EVENT.READABLE:
      return READABLE;
    case EVENT.WRITABLE:
      return WRITABLE;
    case EVENT.END:
      return cutSdu ? CUT_END : CLEAN_END;
    case EVENT.CLOSED:
      return CLOSED;
    default:
      return DRAINED;
  }
}

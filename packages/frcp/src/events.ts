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

export const READABLE_EVENT: FrcpEvent = Object.freeze({ type: 'readable' });
export const WRITABLE_EVENT: FrcpEvent = Object.freeze({ type: 'writable' });
export const CLEAN_END_EVENT: FrcpEvent = Object.freeze({ type: 'end', clean: true });
export const CUT_END_EVENT: FrcpEvent = Object.freeze({ type: 'end', clean: false });
export const CLOSED_EVENT: FrcpEvent = Object.freeze({ type: 'closed', unackedSdus: 0 });
export const DRAINED_EVENT: FrcpEvent = Object.freeze({ type: 'drained' });

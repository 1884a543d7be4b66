/**
 * A record: an 8-byte header and a payload, padded to 8 bytes.
 *
 * word 0: payload length (bits 0-23) and type (bits 24-31); word 1: flow id. Host byte order: both ends are
 * processes of one host. Numbers of control records are the first word of an 8-byte payload.
 */
export const RECORD = {
  /** The last, or only, piece of a message. 0, so that word 0 of the common record is its length. */
  data: 0,
  /** A piece of a message that more pieces follow. */
  more: 1,
  /** Skip: fills a ring up to its end, so that no record wraps. */
  pad: 2,
  /** Payload: bytes of credit returned to the sender of the flow. */
  credit: 3,
  /** Payload: errno. No more messages on the flow. */
  end: 4,
  /** Payload: errno. The channel closes; nothing follows. Stream links only. */
  close: 5,
} as const;

export const HEADER_BYTES = 8;
/** Whole size of a record that carries one number. */
export const NUMBER_RECORD_BYTES = 16;
/** What a message costs of a flow's credit beside its length, so that empty messages are bounded too. */
export const MESSAGE_OVERHEAD_BYTES = 32;

export const LENGTH_MASK = 0xff_ffff;
export const TYPE_SHIFT = 24;

/** Size of a record with a payload of so many bytes. */
export function recordBytes(payloadBytes: number): number {
  return HEADER_BYTES + ((payloadBytes + 7) & ~7);
}

import type { FlowPort, SendOutcome } from '@flowring/channel';

/** Where a message leaves; a channel's port is one. */
export type MessageSink = Pick<FlowPort, 'trySend' | 'trySendWith' | 'end'>;

/** The message being copied: kept here so that a forwarded message costs no closure. */
let source: Buffer = Buffer.alloc(0);
let sourceStart = 0;
let sourceEnd = 0;

function fill(target: Uint8Array, offset: number): number {
  return source.copy(target, offset, sourceStart, sourceEnd);
}

/** Sends bytes `start` to `end` of a slab, copied once: to where the sink keeps what it sends. */
export function forward(
  sink: Pick<MessageSink, 'trySend' | 'trySendWith'>,
  slab: Buffer,
  start: number,
  end: number,
): SendOutcome {
  if (start === end) return sink.trySend(EMPTY);
  source = slab;
  sourceStart = start;
  sourceEnd = end;
  return sink.trySendWith(end - start, fill);
}

const EMPTY = new Uint8Array(0);

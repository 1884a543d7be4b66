import type { FlowPort, SendOutcome } from '@flowring/channel';

/** Where a message leaves; a channel's port is one. Without `trySendRun` messages leave one by one. */
export type MessageSink = Pick<FlowPort, 'trySend' | 'trySendWith' | 'end'> &
  Partial<Pick<FlowPort, 'trySendRun'>>;

/** The message being copied: kept here so that a forwarded message costs no closure. */
let source: Uint8Array = new Uint8Array(0);
let sourceStart = 0;
let sourceEnd = 0;
/** Those of `source`: messages come in runs from one slab, and to ask it for them costs as much as the copy. */
let memory = source.buffer;
let memoryOffset = 0;

/** To look `set` up at a Buffer costs a good part of a small copy; `Buffer.copy` takes twice as long. */
function fill(target: Uint8Array, offset: number): number {
  const bytes = sourceEnd - sourceStart;
  Uint8Array.prototype.set.call(target, new Uint8Array(memory, memoryOffset + sourceStart, bytes), offset);
  return bytes;
}

/** Sends bytes `start` to `end` of a slab, copied once: to where the sink keeps what it sends. */
export function forward(
  sink: Pick<MessageSink, 'trySend' | 'trySendWith'>,
  slab: Buffer,
  start: number,
  end: number,
): SendOutcome {
  if (start === end) return sink.trySend(EMPTY);
  if (source !== slab) {
    source = slab;
    memory = slab.buffer;
    memoryOffset = slab.byteOffset;
  }
  sourceStart = start;
  sourceEnd = end;
  return sink.trySendWith(end - start, fill);
}

const EMPTY = new Uint8Array(0);

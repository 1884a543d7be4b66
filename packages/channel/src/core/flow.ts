import type { FlowId } from '@flowring/common';
import { LIMITS } from '@flowring/common';
import type { FlowPort, FlowReceiver, SendOutcome } from '../channel.ts';
import type { Mux } from './mux.ts';
import { HEADER_BYTES, MESSAGE_OVERHEAD_BYTES, recordBytes } from './record.ts';

/** Bits of {@link Flow.flags}. */
export const FLAG = {
  /** Our half is ended: `end` was called. */
  ended: 1,
  /** The peer ended its half, or the channel is down; `endErrno` says how. */
  peerEnded: 2,
  detached: 4,
  /** A send was refused for want of credit. */
  wantsCredit: 8,
  /** An end record waits for room. */
  endDue: 16,
  /** Too much was held for this flow before it was attached: it ends with an error. */
  overflowed: 32,
  /** The receiver tells what it keeps of a slab. */
  tellsUse: 64,
  /** The receiver takes runs of messages. */
  takesRuns: 128,
} as const;

const CLOSED = FLAG.ended | FLAG.peerEnded | FLAG.detached;

/** What only few flows have at a time: messages in pieces, and messages that came before the flow was attached. */
export interface FlowBacklog {
  /** The rest of an accepted message that is larger than the room there was. */
  outgoing: Buffer | null;
  outgoingAt: number;
  /** Pieces of the message that is coming in. */
  incoming: Buffer | null;
  incomingBytes: number;
  held: Buffer[] | null;
  heldBytes: number;
}

/**
 * One flow of a mux. Credit: a message may be sent while some credit is left, so the peer holds less than the
 * window and one message. Kept small: an idle flow is this object and its place in the mux's map.
 */
export class Flow implements FlowPort {
  readonly flow: FlowId;
  receiver: FlowReceiver | null = null;
  flags = 0;
  windowBytes: number = LIMITS.flowWindowBytes;
  /** What we may still send. At most one message below zero. */
  sendCredit: number = LIMITS.flowWindowBytes;
  /** What the peer has sent and no credit was returned for. */
  unreturned = 0;
  /** The part of it that the reader has taken. */
  owed = 0;
  /** Errno of our end while it waits for room, later of the peer's. */
  endErrno = 0;
  peerErrno = 0;
  backlog: FlowBacklog | null = null;
  readonly #mux: Mux;

  constructor(mux: Mux, flow: FlowId) {
    this.#mux = mux;
    this.flow = flow;
  }

  get inFlightBytes(): number {
    return this.windowBytes - this.sendCredit;
  }

  trySend(message: Uint8Array): SendOutcome {
    const mux = this.#mux;
    const length = message.length;
    if ((this.flags & CLOSED) !== 0) return 'closed';
    if (length > mux.recordMaxBytes) return this.#sendLarge(message);
    if (this.sendCredit <= 0) return this.#waitForCredit();
    const whole = recordBytes(length);
    const at = mux.reserve(this, whole);
    if (at < 0) return 'would-block';
    copyIn(mux.link.bytes, at + 8, message, length);
    this.#commit(mux, at, length, whole);
    return 'sent';
  }

  trySendWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): SendOutcome {
    const mux = this.#mux;
    if ((this.flags & CLOSED) !== 0) return 'closed';
    if (maxBytes > mux.recordMaxBytes) return this.#sendLargeWith(maxBytes, fill);
    if (this.sendCredit <= 0) return this.#waitForCredit();
    const at = mux.reserve(this, recordBytes(maxBytes));
    if (at < 0) return 'would-block';
    const length = fill(mux.link.bytes, at + 8);
    if (length > 0 && length <= maxBytes) this.#commit(mux, at, length, recordBytes(length));
    return 'sent';
  }

  trySendRun(bytes: Buffer, start: number, strideBytes: number, messageBytes: number, count: number): number {
    if ((this.flags & CLOSED) !== 0) return 0;
    const fits = this.#fitting(messageBytes, count);
    const whole = recordBytes(messageBytes);
    let at = fits === 0 ? -1 : this.#mux.reserve(this, fits * whole);
    if (at < 0) return 0;
    const { link, stats } = this.#mux;
    const { buffer, byteOffset } = bytes;
    for (let from = byteOffset + start, i = 0; i < fits; i++, at += whole, from += strideBytes) {
      link.words[at >> 2] = messageBytes;
      link.words[(at >> 2) + 1] = this.flow;
      Uint8Array.prototype.set.call(
        link.bytes,
        new Uint8Array(buffer, from, messageBytes),
        at + HEADER_BYTES,
      );
    }
    this.sendCredit -= fits * (messageBytes + MESSAGE_OVERHEAD_BYTES);
    stats.messagesSent += fits;
    stats.bytesSent += fits * messageBytes;
    link.commit(fits * whole);
    return fits;
  }

  consumed(messageBytes: number): void {
    this.owed = Math.min(this.owed + messageBytes + MESSAGE_OVERHEAD_BYTES, this.unreturned);
    if (this.owed >= this.windowBytes >> 1 && (this.flags & (FLAG.peerEnded | FLAG.detached)) === 0) {
      this.#mux.returnCredit(this);
    }
  }

  end(errno: number): void {
    if ((this.flags & (FLAG.ended | FLAG.detached)) !== 0) return;
    this.flags |= FLAG.ended | FLAG.endDue;
    this.endErrno = errno;
    this.#mux.sendEnd(this);
  }

  detach(): void {
    if ((this.flags & FLAG.detached) !== 0) return;
    this.flags |= FLAG.detached;
    this.#mux.forget(this);
  }

  #commit(mux: Mux, at: number, length: number, whole: number): void {
    const words = mux.link.words;
    words[at >> 2] = length;
    words[(at >> 2) + 1] = this.flow;
    this.sendCredit -= length + MESSAGE_OVERHEAD_BYTES;
    mux.stats.messagesSent++;
    mux.stats.bytesSent += length;
    mux.link.commit(whole);
  }

  /** How many of `count` messages there is credit for, and one record's room. */
  #fitting(messageBytes: number, count: number): number {
    if (this.sendCredit <= 0) this.#waitForCredit();
    const affordable = Math.ceil(this.sendCredit / (messageBytes + MESSAGE_OVERHEAD_BYTES));
    const inRecord = Math.floor(recordBytes(this.#mux.recordMaxBytes) / recordBytes(messageBytes));
    return Math.max(0, Math.min(count, affordable, inRecord));
  }

  #waitForCredit(): SendOutcome {
    this.flags |= FLAG.wantsCredit;
    return 'would-block';
  }

  #sendLarge(message: Uint8Array): SendOutcome {
    if (message.length > LIMITS.sduMaxBytes) return 'too-large';
    if (this.sendCredit <= 0) return this.#waitForCredit();
    return this.#mux.sendLarge(this, message);
  }

  #sendLargeWith(maxBytes: number, fill: (target: Uint8Array, offset: number) => number): SendOutcome {
    if (this.sendCredit <= 0) return this.#waitForCredit();
    // `fill` runs only when what it writes will be taken.
    if (!this.#mux.mayStartLarge(this, maxBytes)) return 'would-block';
    const scratch = new Uint8Array(maxBytes);
    const length = fill(scratch, 0);
    if (length <= 0) return 'sent';
    if (length > maxBytes) return 'too-large';
    return this.trySend(scratch.subarray(0, length));
  }
}

/** Up to here a loop beats the call into `set`. */
const LOOP_COPY_MAX_BYTES = 16;

function copyIn(target: Uint8Array, at: number, message: Uint8Array, length: number): void {
  if (length > LOOP_COPY_MAX_BYTES) {
    // To look `set` up at a Buffer costs a good part of a small copy.
    Uint8Array.prototype.set.call(target, message, at);
    return;
  }
  for (let i = 0; i < length; i++) target[at + i] = message[i]!;
}

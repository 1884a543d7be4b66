import { copyBytes } from './copy-bytes.ts';
import { FLAG } from './pci.ts';

const FLAG_MASK = FLAG.DRF | FLAG.FIRST | FLAG.LAST | FLAG.END;
export const LENGTH_SHIFT = 8;

export const STRIDE = 4;
export const POS = 0;
export const INFO = 1;
export const FIRST_SENT = 2;
export const LAST_SENT = 3;

const FIRST_RING_BYTES = 256;
const FIRST_RING_PDUS = 4;
const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);
const NO_META = new Int32Array(0);

/** First-size buffers that no window uses now: an idle flow owns none, and a write finds one at hand. */
const spareRings: (typeof NO_BYTES)[] = [];
const spareViews: (typeof NO_VIEW)[] = [];
const spareMetas: (typeof NO_META)[] = [];
const SPARES_MAX = 64;

/**
 * Memory of a send window: SDU bytes in one ring, four integers per PDU in another. Both grow by doubling and start
 * empty. `una <= nxt <= tail`: acknowledged, sent, written.
 */
export class SendRing {
  una = 0;
  nxt = 0;
  tail = 0;
  unaPos = 0;
  nxtPos = 0;
  tailPos = 0;

  /** Sent bytes are kept until they are acknowledged. Else they are gone once sent: nothing is ever sent twice. */
  readonly retains: boolean;
  protected ring = NO_BYTES;
  private view = NO_VIEW;
  protected meta = NO_META;
  private ringMask = -1;
  protected metaMask = -1;

  constructor(retains: boolean) {
    this.retains = retains;
  }

  /** The first byte in the ring. */
  protected get keptPos(): number {
    return this.retains ? this.unaPos : this.nxtPos;
  }

  get queuedBytes(): number {
    return (this.tailPos - this.unaPos) | 0;
  }

  get queuedPdus(): number {
    return (this.tail - this.una) | 0;
  }

  get inFlightPdus(): number {
    return (this.nxt - this.una) | 0;
  }

  get ringBytes(): number {
    return this.ring.length + this.meta.byteLength;
  }

  protected copyIn(sdu: Uint8Array, length: number): void {
    const at = this.tailPos & this.ringMask;
    const room = this.ring.length - at;
    if (length <= room) {
      this.ring.set(sdu, at);
      return;
    }
    this.ring.set(sdu.subarray(0, room), at);
    this.ring.set(sdu.subarray(room), 0);
  }

  /** DRF, FIRST, LAST and END of a PDU. */
  flagsOf(index: number): number {
    return this.meta[(index & this.metaMask) * STRIDE + INFO]! & FLAG_MASK;
  }

  lengthOf(index: number): number {
    return this.meta[(index & this.metaMask) * STRIDE + INFO]! >>> LENGTH_SHIFT;
  }

  /** Position of its first byte. */
  posOf(index: number): number {
    return this.meta[(index & this.metaMask) * STRIDE + POS]!;
  }

  firstSentOf(index: number): number {
    return this.meta[(index & this.metaMask) * STRIDE + FIRST_SENT]!;
  }

  lastSentOf(index: number): number {
    return this.meta[(index & this.metaMask) * STRIDE + LAST_SENT]!;
  }

  /** Copies a PDU's user data out; returns its length. */
  copyOut(index: number, out: Uint8Array, offset: number): number {
    const meta = (index & this.metaMask) * STRIDE;
    const length = this.meta[meta + INFO]! >>> LENGTH_SHIFT;
    if (length === 0) return 0;
    const at = this.meta[meta + POS]! & this.ringMask;
    const room = this.ring.length - at;
    if (length <= room) copyBytes(this.ring, this.view, at, out, offset, length);
    else {
      copyBytes(this.ring, this.view, at, out, offset, room);
      copyBytes(this.ring, this.view, 0, out, offset + room, length - room);
    }
    return length;
  }

  /** Whether the buffers are more than those every busy window has: too dear to give up at each pause. */
  get isLarge(): boolean {
    return this.ring.length > FIRST_RING_BYTES || this.metaMask >= FIRST_RING_PDUS;
  }

  /** Gives the buffers back; only when nothing is queued. */
  release(): void {
    if (this.ring.length === FIRST_RING_BYTES && spareRings.length < SPARES_MAX) {
      spareRings.push(this.ring);
      spareViews.push(this.view);
    }
    if (this.metaMask === FIRST_RING_PDUS - 1 && spareMetas.length < SPARES_MAX) spareMetas.push(this.meta);
    this.ring = NO_BYTES;
    this.view = NO_VIEW;
    this.meta = NO_META;
    this.ringMask = this.metaMask = -1;
  }

  protected growRing(extra: number): void {
    const used = (this.tailPos - this.keptPos) | 0;
    let size = Math.max(this.ring.length * 2, FIRST_RING_BYTES);
    while (size < used + extra) size *= 2;
    const spare = size === FIRST_RING_BYTES ? spareRings.pop() : undefined;
    const grown = spare ?? new Uint8Array(size);
    const old = this.ring;
    let pos = this.keptPos;
    for (let left = used; left > 0;) {
      const n = Math.min(left, old.length - (pos & this.ringMask), size - (pos & (size - 1)));
      const from = pos & this.ringMask;
      grown.set(old.subarray(from, from + n), pos & (size - 1));
      pos = (pos + n) | 0;
      left -= n;
    }
    this.ring = grown;
    this.view = spare === undefined ? new DataView(grown.buffer) : spareViews.pop()!;
    this.ringMask = size - 1;
  }

  protected growMeta(): void {
    const size = Math.max((this.metaMask + 1) * 2, FIRST_RING_PDUS);
    const spare = size === FIRST_RING_PDUS ? spareMetas.pop() : undefined;
    const grown = spare ?? new Int32Array(size * STRIDE);
    for (let i = this.una; i !== this.tail; i = (i + 1) | 0) {
      const from = (i & this.metaMask) * STRIDE;
      grown.set(this.meta.subarray(from, from + STRIDE), (i & (size - 1)) * STRIDE);
    }
    this.meta = grown;
    this.metaMask = size - 1;
  }
}

import { SLAB_BYTES } from '@flowring/channel';

/**
 * A Buffer in every way (its methods, `Buffer.isBuffer`, its name when shown), made by the typed array constructor
 * itself: `subarray` asks a Buffer for its memory and its offset and costs two to four times as much.
 */
class MessageView extends Uint8Array {}
Object.setPrototypeOf(MessageView.prototype, Buffer.prototype as object);
Reflect.deleteProperty(MessageView.prototype, 'constructor');

/** Messages come in runs from one slab: what it would say of itself each time is remembered. */
let lastSlab: Uint8Array | null = null;
let lastMemory: ArrayBuffer;
let lastOffset = 0;

/** Bytes `start` to `end` of a slab as a message; shares the slab's memory. */
export function messageView(slab: Uint8Array, start: number, end: number): Buffer {
  if (slab !== lastSlab) {
    // A larger slab holds one message, whose view costs little beside it; remembering it would keep it.
    if (slab.length > SLAB_BYTES) return Buffer.from(slab.buffer, slab.byteOffset + start, end - start);
    lastSlab = slab;
    lastMemory = slab.buffer as ArrayBuffer;
    lastOffset = slab.byteOffset;
  }
  return new MessageView(lastMemory, lastOffset + start, end - start) as unknown as Buffer;
}

import { LIMITS } from './limits.ts';

/**
 * Cuts a byte stream into frames of a 4-byte little-endian length and that many bytes. Bounded: a length over
 * `frameMaxBytes` ends the stream (`push` returns false from then on), so a peer cannot make it hoard memory.
 */
export class FrameSplitter {
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #frameMaxBytes: number;
  #pending: Uint8Array = EMPTY;
  #broken = false;

  constructor(onFrame: (frame: Uint8Array) => void, frameMaxBytes: number = LIMITS.controlFrameMaxBytes) {
    this.#onFrame = onFrame;
    this.#frameMaxBytes = frameMaxBytes;
  }

  /** Takes the next bytes. Returns false once the peer announced an impossible frame; drop the stream then. */
  push(chunk: Uint8Array): boolean {
    if (this.#broken) return false;
    const bytes = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = readU32(bytes, at);
      if (length === 0 || length > this.#frameMaxBytes) {
        this.#broken = true;
        this.#pending = EMPTY;
        return false;
      }
      if (bytes.length - at - 4 < length) break;
      this.#onFrame(bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.#pending = at === bytes.length ? EMPTY : bytes.slice(at);
    return true;
  }
}

/** The frame of a payload: its length in front. */
export function frameOf(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(4 + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length, true);
  frame.set(payload, 4);
  return frame;
}

const EMPTY = new Uint8Array(0);

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

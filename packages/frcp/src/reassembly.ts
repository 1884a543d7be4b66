const FIRST_BYTES = 4_096;
const NO_BYTES = new Uint8Array(0);

/** The SDU whose fragments are coming in, in order. */
export class Reassembly {
  private buffer = NO_BYTES;
  length = 0;
  open = false;

  /** Adds a fragment. False if the SDU would be larger than `maxBytes`. */
  append(buf: Uint8Array, start: number, end: number, maxBytes: number): boolean {
    const length = this.length + (end - start);
    if (length > maxBytes) return false;
    if (length > this.buffer.length) this.grow(length, maxBytes);
    this.buffer.set(buf.subarray(start, end), this.length);
    this.length = length;
    this.open = true;
    return true;
  }

  /** The whole SDU, which occupies the first `length` bytes of what is returned: never less than half of it. */
  finish(): Uint8Array {
    const { buffer, length } = this;
    if (length < buffer.length >>> 1) {
      this.length = 0;
      this.open = false;
      return buffer.slice(0, length);
    }
    this.clear();
    return buffer;
  }

  clear(): void {
    this.buffer = NO_BYTES;
    this.length = 0;
    this.open = false;
  }

  private grow(length: number, maxBytes: number): void {
    const grown = new Uint8Array(Math.min(maxBytes, Math.max(length, this.buffer.length * 2, FIRST_BYTES)));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}

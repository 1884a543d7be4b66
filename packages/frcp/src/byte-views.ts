/**
 * Views of the arrays in use. Drivers fill and hand in the same few arrays again and again, so the last one of each
 * use is remembered; compared is the array itself, for asking it for its buffer costs more than the whole copy.
 */
let lastOut: Uint8Array | null = null;
let lastOutView: DataView;
let lastIn: Uint8Array | null = null;
let lastInView: DataView;
let lastRead: Uint8Array | null = null;
let lastReadView: DataView;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The view of what PDUs are written to. */
export function outView(bytes: Uint8Array): DataView {
  if (bytes !== lastOut) {
    lastOutView = viewOf(bytes);
    lastOut = bytes;
  }
  return lastOutView;
}

/** The view of what PDUs came in. */
export function inView(bytes: Uint8Array): DataView {
  if (bytes !== lastIn) {
    lastInView = viewOf(bytes);
    lastIn = bytes;
  }
  return lastInView;
}

/** The view of what the program reads into. */
export function readView(bytes: Uint8Array): DataView {
  if (bytes !== lastRead) {
    lastReadView = viewOf(bytes);
    lastRead = bytes;
  }
  return lastReadView;
}

/** What the daemon says first on every connection to its guard socket. Its layout never changes. */
export interface Greeting {
  /** Protocol version of the daemon, u32. */
  readonly version: number;
  readonly daemonPid: number;
  /** Random per daemon start, hex of 16 bytes. */
  readonly instance: string;
}

/** Bytes of the id a process draws for itself; its first frame on the lifeline. */
export const PROCESS_ID_BYTES = 16;

const GREETING_BYTES = 24;

/** u32 LE version, u32 LE pid, 16 bytes instance. */
export function encodeGreeting(greeting: Greeting): Uint8Array {
  const out = Buffer.alloc(GREETING_BYTES);
  out.writeUInt32LE(greeting.version, 0);
  out.writeUInt32LE(greeting.daemonPid, 4);
  out.write(greeting.instance, 8, 16, 'hex');
  return out;
}

/** The greeting in a frame; later versions may append to it. `null` for anything else. */
export function decodeGreeting(frame: Uint8Array): Greeting | null {
  if (frame.length < GREETING_BYTES) return null;
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  return {
    version: bytes.readUInt32LE(0),
    daemonPid: bytes.readUInt32LE(4),
    instance: bytes.toString('hex', 8, 24),
  };
}

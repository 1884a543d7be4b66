import type { Flow } from '@flowring/libdev';

/** First four bytes of each message of operf. */
export const KIND = {
  /** Counted by the receiver. */
  data: 0,
  /** Sent back as it is. */
  echo: 1,
  /** Asks the server to send data too, of the size of this message, until `finish`. */
  startSending: 2,
  /** Asks for the counts. */
  finish: 3,
  /** The counts: messages f64, bytes f64. */
  counts: 4,
} as const;

/** Messages sent between two looks at the clock and two turns of the event loop. */
const BURST = 128;

export interface Counts {
  readonly messages: number;
  readonly bytes: number;
}

export function messageOf(kind: number, sizeBytes: number): Buffer {
  const message = Buffer.alloc(sizeBytes);
  message.writeUInt32BE(kind, 0);
  return message;
}

export function countsMessage({ messages, bytes }: Counts): Buffer {
  const message = messageOf(KIND.counts, 64);
  message.writeDoubleBE(messages, 4);
  message.writeDoubleBE(bytes, 12);
  return message;
}

export function readCounts(message: Buffer): Counts {
  return { messages: message.readDoubleBE(4), bytes: message.readDoubleBE(12) };
}

/** Hands each message to `onMessage` until the clean end, all that are there in one go. */
export async function eachMessage(flow: Flow, onMessage: (message: Buffer) => void): Promise<void> {
  for (;;) {
    const message = flow.tryRead();
    if (message === null) return;
    if (message === 'would-block') await flow.readable();
    else onMessage(message);
  }
}

/** Sends `message` over and over while `isWanted`, at most at `bitsPerSecond`; resolves to how many. */
export async function sendWhile(
  flow: Flow,
  message: Buffer,
  isWanted: () => boolean,
  bitsPerSecond = Infinity,
): Promise<number> {
  const beganMs = performance.now();
  const messagesPerMs = bitsPerSecond / 8 / message.length / 1_000;
  const due = (): number =>
    bitsPerSecond === Infinity ? Infinity : Math.ceil((performance.now() - beganMs) * messagesPerMs);
  let sent = 0;
  while (isWanted()) {
    const allowed = Math.min(BURST, due() - sent);
    let burst = 0;
    while (burst < allowed && flow.tryWrite(message) === 'sent') burst += 1;
    sent += burst;
    if (!flow.isOpen) return sent;
    // A full flow waits for the peer; a fast one lets the event loop turn, so that replies are read.
    if (burst === BURST || allowed <= 0) await new Promise(setImmediate);
    else if (burst < allowed) await flow.writable();
  }
  return sent;
}

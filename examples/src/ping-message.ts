// type u32, sequence number u32 (big-endian), time of sending in ns u64 (little-endian), padding.
const REQUEST = 0;
const REPLY = 1;

export interface PingReply {
  readonly seq: number;
  readonly rttMs: number;
}

export function pingRequest(seq: number, sizeBytes: number): Buffer {
  const message = Buffer.alloc(sizeBytes);
  message.writeUInt32BE(REQUEST, 0);
  message.writeUInt32BE(seq, 4);
  message.writeBigUInt64LE(process.hrtime.bigint(), 8);
  return message;
}

/** The reply to a request, or `null` if the message is no request. */
export function replyTo(message: Buffer): Buffer | null {
  if (message.length < 16 || message.readUInt32BE(0) !== REQUEST) return null;
  const reply = Buffer.from(message);
  reply.writeUInt32BE(REPLY, 0);
  return reply;
}

/** What a reply says, or `null` if the message is no reply. */
export function readReply(message: Buffer): PingReply | null {
  if (message.length < 16 || message.readUInt32BE(0) !== REPLY) return null;
  const rttNs = process.hrtime.bigint() - message.readBigUInt64LE(8);
  return { seq: message.readUInt32BE(4), rttMs: Number(rttNs) / 1e6 };
}

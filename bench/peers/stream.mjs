// node:net streams with a 4-byte length in front of each message: a unix socket or TCP on the loopback.
import net from 'node:net';
import { messageOf, responder, FINISH, countIn, turn } from './message.mjs';

const BATCH_BYTES = 65_536;

/** Calls `onMessage` with each message, without copying those that lie in one chunk. */
export function frameReader(onMessage) {
  let rest = null;
  return (chunk) => {
    let bytes = rest === null ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32LE(at);
      if (bytes.length - at - 4 < length) break;
      onMessage(bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    rest = at === bytes.length ? null : bytes.subarray(at);
    bytes = null;
  };
}

export function frameOf(message) {
  const frame = Buffer.allocUnsafe(4 + message.length);
  frame.writeUInt32LE(message.length, 0);
  message.copy(frame, 4);
  return frame;
}

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

export async function serve({ path }) {
  const server = net.createServer({ noDelay: true }, (socket) => {
    const respond = responder((reply) => socket.write(frameOf(reply)));
    socket.on('data', frameReader(respond));
    socket.on('error', () => socket.destroy());
  });
  server.listen(
    path === undefined ? { port: 0, host: '127.0.0.1', backlog: 4_096 } : { path, backlog: 4_096 },
  );
  await once(server, 'listening');
  return path === undefined ? { port: server.address().port, host: '127.0.0.1' } : { path };
}

/**
 * How a one-way stream is written. `each`: a write per message, as programs do; `cork`: 64 KiB of frames corked and
 * sent by writev; `coalesce`: copied together by hand into 64 KiB blocks, as a program would that knows it streams.
 */
const BLASTS = { each: blastEach, cork: blastCorked, coalesce: blastCoalesced };

export async function connect(address, { batching = 'each' } = {}) {
  const socket = net.connect({ ...address, noDelay: true });
  let waiting = null;
  socket.on(
    'data',
    frameReader((message) => waiting(message)),
  );
  await once(socket, 'connect');
  const blast = BLASTS[batching];
  const ask = (message) =>
    new Promise((resolve) => {
      waiting = resolve;
      socket.write(frameOf(message));
    });
  return {
    echo: ask,
    blast: (message, isWanted) => blast(socket, message, isWanted),
    finish: async () => countIn(await ask(messageOf(FINISH, 64))),
    async close() {
      socket.end();
      await once(socket, 'close');
    },
  };
}

async function blastEach(socket, message, isWanted) {
  const perTurn = Math.max(1, Math.floor(BATCH_BYTES / message.length));
  let sent = 0;
  while (isWanted()) {
    let hasRoom = true;
    for (let i = 0; i < perTurn && hasRoom; i++, sent++) hasRoom = socket.write(frameOf(message));
    if (hasRoom) await turn();
    else await once(socket, 'drain');
  }
  return sent;
}

async function blastCorked(socket, message, isWanted) {
  const perBatch = Math.max(1, Math.floor(BATCH_BYTES / message.length));
  const header = frameOf(message).subarray(0, 4);
  let sent = 0;
  while (isWanted()) {
    let hasRoom = true;
    socket.cork();
    for (let i = 0; i < perBatch; i++) {
      if (message.length <= 4_096) hasRoom = socket.write(frameOf(message));
      else {
        socket.write(header);
        hasRoom = socket.write(message);
      }
    }
    socket.uncork();
    sent += perBatch;
    if (hasRoom) await turn();
    else await once(socket, 'drain');
  }
  return sent;
}

async function blastCoalesced(socket, message, isWanted) {
  const frameBytes = 4 + message.length;
  const perBatch = Math.max(1, Math.floor(BATCH_BYTES / frameBytes));
  let sent = 0;
  while (isWanted()) {
    const batch = Buffer.allocUnsafe(perBatch * frameBytes);
    for (let i = 0, at = 0; i < perBatch; i++, at += frameBytes) {
      batch.writeUInt32LE(message.length, at);
      batch.set(message, at + 4);
    }
    sent += perBatch;
    if (socket.write(batch)) await turn();
    else await once(socket, 'drain');
  }
  return sent;
}

// udx-native: reliable streams with congestion control over UDP, in C; a 4-byte length in front of each message.
import UDX from 'udx-native';
import { frameOf, frameReader } from './stream.mjs';
import { messageOf, responder, FINISH, countIn, turn } from './message.mjs';

const HOST = '127.0.0.1';
const BATCH_BYTES = 65_536;

/** The two ends of a stream name each other by number and port, so they meet over the bench's own channel. */
export async function serve() {
  const udx = new UDX();
  const socket = udx.createSocket();
  socket.bind(0, HOST);
  process.on('message', ({ id, port }) => {
    const stream = udx.createStream(id);
    stream.connect(socket, id, port, HOST);
    stream.on('data', frameReader(responder((reply) => stream.write(frameOf(reply)))));
    stream.on('error', () => undefined);
    process.send({ connected: id });
  });
  return { port: socket.address().port };
}

let streams = 0;

export async function connect({ port }, { server }) {
  const udx = new UDX();
  const socket = udx.createSocket();
  socket.bind(0, HOST);
  const id = ++streams;
  const connected = new Promise((resolve) => server.once('message', resolve));
  server.send({ id, port: socket.address().port });
  await connected;
  const stream = udx.createStream(id);
  stream.connect(socket, id, port, HOST);
  let waiting = null;
  stream.on(
    'data',
    frameReader((message) => waiting(message)),
  );
  stream.on('error', () => undefined);
  const ask = (message) =>
    new Promise((resolve) => {
      waiting = resolve;
      stream.write(frameOf(message));
    });
  return {
    echo: ask,
    async blast(message, isWanted) {
      const perTurn = Math.max(1, Math.floor(BATCH_BYTES / message.length));
      let sent = 0;
      while (isWanted()) {
        let hasRoom = true;
        for (let i = 0; i < perTurn && hasRoom; i++, sent++) hasRoom = stream.write(frameOf(message));
        if (hasRoom) await turn();
        else await new Promise((resolve) => stream.once('drain', resolve));
      }
      return sent;
    },
    finish: async () => countIn(await ask(messageOf(FINISH, 64))),
    async close() {
      stream.destroy();
      await socket.close();
    },
  };
}

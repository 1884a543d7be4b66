// node:dgram as it is: each message a datagram, lost when the receiver is slower.
import dgram from 'node:dgram';
import { messageOf, responder, FINISH, countIn, turn } from './message.mjs';

const BATCH_BYTES = 65_536;
/** As our sockets ask for. */
const BUFFERS = { recvBufferSize: 4_194_304, sendBufferSize: 4_194_304 };

export async function serve() {
  const socket = await open();
  const responders = new Map();
  socket.on('message', (message, { address, port }) => {
    let respond = responders.get(port);
    if (respond === undefined) {
      respond = responder((reply) => socket.send(reply, port, address));
      responders.set(port, respond);
    }
    respond(message);
  });
  return socket.address();
}

export async function connect({ address, port }) {
  const socket = await open();
  let waiting = null;
  socket.on('message', (message) => waiting(message));
  const echo = (message) =>
    new Promise((resolve) => {
      waiting = resolve;
      socket.send(message, port, address);
    });
  return {
    echo,
    async blast(message, isWanted) {
      const perTurn = Math.max(1, Math.floor(BATCH_BYTES / message.length));
      let sent = 0;
      while (isWanted()) {
        for (let i = 0; i < perTurn; i++, sent++) socket.send(message, port, address);
        await turn();
      }
      return sent;
    },
    finish: async () => countIn(await echo(messageOf(FINISH, 64))),
    close: async () => void socket.close(),
  };
}

async function open() {
  const socket = dgram.createSocket({ type: 'udp4', ...BUFFERS });
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

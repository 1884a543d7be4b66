// A process with a UDP socket, for what cannot be seen from inside of jest. `node datagram-peer.mjs SCENARIO KIND`
import { openUdpSocket } from '@flowring/datagram';

const [scenario, kind] = process.argv.slice(2);
const seen = [];
const heard = { onReceive: () => undefined };
const open = (onReceive) => openUdpSocket({ kind, host: '127.0.0.1', onReceive });
const socket = await open((bytes, start) => {
  seen.push(bytes[start]);
  heard.onReceive();
});

function sendToSelf(count) {
  for (let index = 1; index <= count; index++) socket.send(socket.local, Uint8Array.of(index), 0, 1);
  socket.flush();
}

const SCENARIOS = {
  /** One of four datagrams ends in an exception. */
  throws() {
    const thrown = [];
    process.once('uncaughtException', (error) => thrown.push(error.message));
    heard.onReceive = () => {
      if (seen.length === 4) setImmediate(() => finish(`${seen.join()} ${thrown.join()}`));
      if (seen.length === 2) throw new Error('of-the-layer');
    };
    sendToSelf(4);
  },
  /** A promise made in the callback is settled before the next turn. */
  promises() {
    heard.onReceive = () => void Promise.resolve().then(() => finish('settled'));
    sendToSelf(1);
  },
  /** `process.exit` while the socket is open and has datagrams to read. */
  exits() {
    sendToSelf(4);
    process.exit(0);
  },
  'exits-in-callback'() {
    heard.onReceive = () => process.exit(0);
    sendToSelf(4);
  },
  /** Nothing but an open socket, that does not keep the process alive. */
  unref() {
    socket.unref();
  },
  /** Ends by itself once every socket is closed. */
  async closes() {
    await socket.close();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(() => undefined)));
    await Promise.all(sockets.map((one) => one.close()));
  },
};

function finish(line) {
  console.log(line);
  void socket.close();
}

await SCENARIOS[scenario]();

// The IPC channel of child_process.fork: one per child, so there is nothing to connect.
import { messageOf, responder, FINISH, countIn, turn } from './message.mjs';

/** JSON has no bytes: there the message travels as a string of as many characters. */
const toWire = (message, isJson) => (isJson ? message.toString('latin1') : message);
const fromWire = (value) =>
  typeof value === 'string'
    ? Buffer.from(value, 'latin1')
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);

export async function serve({ serialization }) {
  const isJson = serialization === 'json';
  const respond = responder((reply) => process.send(toWire(reply, isJson)));
  process.on('message', (value) => {
    // The first byte decides; a counted message is not converted.
    if (typeof value === 'string' && value.charCodeAt(0) === 0) respond(ZERO);
    else if (typeof value === 'string' || ArrayBuffer.isView(value)) respond(fromWire(value));
  });
  return { serialization };
}

const ZERO = Buffer.from([0]);

export async function connect({ serialization }, { server }) {
  const isJson = serialization === 'json';
  let waiting = null;
  const onMessage = (value) => waiting?.(fromWire(value));
  server.on('message', onMessage);
  const ask = (message) =>
    new Promise((resolve) => {
      waiting = resolve;
      server.send(toWire(message, isJson));
    });
  return {
    echo: ask,
    async blast(message, isWanted) {
      const wire = toWire(message, isJson);
      let sent = 0;
      while (isWanted()) {
        let flushed = null;
        let hasRoom = true;
        for (let i = 0; i < 63 && hasRoom; i++, sent++) hasRoom = server.send(wire);
        flushed = new Promise((resolve) => server.send(wire, resolve));
        sent += 1;
        await (hasRoom ? turn() : flushed);
      }
      return sent;
    },
    finish: async () => countIn(await ask(messageOf(FINISH, 64))),
    async close() {
      server.off('message', onMessage);
    },
  };
}

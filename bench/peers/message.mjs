// What the messages of the benchmark say in their first byte, and how every server answers them.
export const DATA = 0;
export const ECHO = 1;
export const FINISH = 2;

export function messageOf(kind, sizeBytes) {
  const message = Buffer.alloc(sizeBytes, 0x61);
  message[0] = kind;
  return message;
}

/** A server's side of one link: counts data, answers echoes, answers a finish with the count. */
export function responder(send) {
  let count = 0;
  return (message) => {
    const kind = message[0];
    if (kind === DATA) count += 1;
    else if (kind === ECHO) send(message);
    else {
      const reply = messageOf(FINISH, 64);
      reply.writeDoubleLE(count, 8);
      count = 0;
      send(reply);
    }
  };
}

export const countIn = (reply) => reply.readDoubleLE(8);

/** Lets sockets and timers have their turn. */
export const turn = () => new Promise(setImmediate);

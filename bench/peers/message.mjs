// What the messages of the benchmark say in their first byte, and how every server answers them.
export const DATA = 0;
export const ECHO = 1;
export const FINISH = 2;

export function messageOf(kind, sizeBytes) {
  const message = Buffer.alloc(sizeBytes, 0x61);
  message[0] = kind;
  return message;
}

/** What a server answers to a message of `bytes`: counts data and says nothing, returns an echo, answers a finish with the count. */
export function answerTo(message, counter, bytes = message.length) {
  const kind = message[0];
  if (kind === DATA) {
    counter.count += 1;
    return null;
  }
  if (kind === ECHO) return bytes === message.length ? message : message.subarray(0, bytes);
  const reply = messageOf(FINISH, 64);
  reply.writeDoubleLE(counter.count, 8);
  counter.count = 0;
  return reply;
}

/** The same for a server that is called with each message. */
export function responder(send) {
  const counter = { count: 0 };
  return (message) => {
    const reply = answerTo(message, counter);
    if (reply !== null) send(reply);
  };
}

export const countIn = (reply) => reply.readDoubleLE(8);

/** Lets sockets and timers have their turn. */
export const turn = () => new Promise(setImmediate);

// zeromq over ipc://: a ROUTER that serves all, a DEALER per client.
import { Dealer, Router, context } from 'zeromq';
import { messageOf, responder, FINISH, countIn } from './message.mjs';

context.blocky = false;

/** A full queue makes `send` wait, which is the back-pressure of zeromq. */
const QUEUE = { sendHighWaterMark: 10_000, receiveHighWaterMark: 10_000, linger: 0 };

export async function serve({ path }) {
  const router = new Router(QUEUE);
  await router.bind(`ipc://${path}`);
  void (async () => {
    const responders = new Map();
    for await (const [id, message] of router) {
      const key = id.toString('latin1');
      if (!responders.has(key)) {
        let sending = Promise.resolve();
        responders.set(
          key,
          responder((reply) => (sending = sending.then(() => router.send([id, reply])))),
        );
      }
      responders.get(key)(message);
    }
  })();
  return { path };
}

export async function connect({ path }) {
  const dealer = new Dealer(QUEUE);
  dealer.connect(`ipc://${path}`);
  const ask = async (message) => {
    await dealer.send(message);
    const [reply] = await dealer.receive();
    return reply;
  };
  return {
    echo: ask,
    async blast(message, isWanted) {
      let sent = 0;
      while (isWanted()) {
        for (let i = 0; i < 64; i++) await dealer.send(message);
        sent += 64;
      }
      return sent;
    },
    finish: async () => countIn(await ask(messageOf(FINISH, 64))),
    async close() {
      dealer.close();
    },
  };
}

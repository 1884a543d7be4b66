// Our flows: raw or reliable, through the daemon of FLOWRING_DIR.
import { flowAccept, flowAlloc } from '@flowring/libdev';
import { messageOf, responder, FINISH, countIn, turn } from './message.mjs';

export async function serve({ name }) {
  const acceptor = flowAccept({ name });
  void (async () => {
    for await (const flow of acceptor) void answer(flow).catch(() => undefined);
  })();
  return { name };
}

async function answer(flow) {
  const respond = responder((reply) => {
    if (flow.tryWrite(reply) !== 'sent') void flow.write(reply).catch(() => undefined);
  });
  for (;;) {
    const message = flow.tryRead();
    if (message === null) break;
    if (message === 'would-block') await flow.readable();
    else respond(message);
  }
  await flow.dealloc();
}

export async function connect({ name }, { qos, layer }) {
  const flow = await flowAlloc(name, { qos, layer });
  const ask = async (message) => {
    if (flow.tryWrite(message) !== 'sent') await flow.write(message);
    return flow.read();
  };
  return {
    echo: ask,
    blast: (message, isWanted) => blast(flow, message, isWanted),
    finish: async () => countIn(await ask(messageOf(FINISH, 64))),
    close: () => flow.dealloc(),
  };
}

async function blast(flow, message, isWanted) {
  let sent = 0;
  while (isWanted()) {
    let burst = 0;
    while (burst < 256 && flow.tryWrite(message) === 'sent') burst += 1;
    sent += burst;
    if (burst === 256) await turn();
    else await flow.writable();
  }
  return sent;
}

// Our flows: raw or reliable, through the daemon of FLOWRING_DIR.
import { flowAccept, flowAlloc, FlowSet } from '@flowring/libdev';
import { answerTo, messageOf, FINISH, countIn, turn } from './message.mjs';

/** Written between two looks at the clock, as by the streams beside us. */
const BURST_BYTES = 65_536;

/** `inSet`: all flows in one set, else a loop for each. `dir`: the daemon's, if not the one of FLOWRING_DIR. */
export async function serve({ name, inSet = false, dir }) {
  if (dir !== undefined) process.env.FLOWRING_DIR = dir;
  const acceptor = flowAccept({ name });
  if (inSet) void serveSet(acceptor);
  else
    void (async () => {
      for await (const flow of acceptor) void answer(flow).catch(() => undefined);
    })();
  return { name };
}

async function serveSet(acceptor) {
  const set = new FlowSet();
  void (async () => {
    for await (const flow of acceptor) set.add(flow);
  })();
  // One for all: only one flow is busy at a time.
  const counter = { count: 0 };
  for (;;) {
    const { type, flow } = await set.next();
    await answerAll(flow, counter);
    if (type !== 'PKT') void flow.dealloc().catch(() => undefined);
  }
}

/** Into one buffer for all flows: what many flows receive is then nothing to the collector, to which they are much. */
async function answerAll(flow, counter) {
  for (;;) {
    const bytes = flow.tryReadInto(received);
    if (bytes === 'would-block' || bytes === null) return;
    const reply = answerTo(received, counter, bytes);
    if (reply !== null && flow.tryWrite(reply) !== 'sent') await flow.write(reply);
  }
}

const received = Buffer.alloc(65_536);

async function answer(flow) {
  const counter = { count: 0 };
  for (;;) {
    const message = flow.tryRead();
    if (message === 'would-block') {
      await flow.readable();
      continue;
    }
    if (message === null) break;
    const reply = answerTo(message, counter);
    if (reply !== null && flow.tryWrite(reply) !== 'sent') await flow.write(reply);
  }
  await flow.dealloc();
}

export async function connect({ name }, { qos, layer }) {
  return new FlowLink(await flowAlloc(name, { qos, layer }));
}

class FlowLink {
  #flow;

  constructor(flow) {
    this.#flow = flow;
  }

  async echo(message) {
    if (this.#flow.tryWrite(message) !== 'sent') await this.#flow.write(message);
    return this.#flow.read();
  }

  async blast(message, isWanted) {
    const flow = this.#flow;
    const burstMax = Math.max(1, Math.floor(BURST_BYTES / message.length));
    let sent = 0;
    while (isWanted()) {
      let burst = 0;
      while (burst < burstMax && flow.tryWrite(message) === 'sent') burst += 1;
      sent += burst;
      if (burst === burstMax) await turn();
      else await flow.writable();
    }
    return sent;
  }

  async finish() {
    return countIn(await this.echo(messageOf(FINISH, 64)));
  }

  close() {
    return this.#flow.dealloc();
  }
}

// A program under remote control: its parent asks for flow operations over the fork's IPC and gets the outcome.
import { bind, flowAccept, flowAlloc } from '@flowring/libdev';

const flows = new Map();
let nextFlow = 1;

const keep = (flow) => {
  const id = nextFlow++;
  flows.set(id, flow);
  return id;
};

/** What a read came to: text, the clean end, or an error's code; and when, in ns. */
const outcomeOf = async (reading) => {
  try {
    const message = await reading;
    return { at: process.hrtime.bigint(), text: message === null ? null : message.toString() };
  } catch (error) {
    return { at: process.hrtime.bigint(), code: error.code };
  }
};

const operations = {
  ping: () => 'pong',
  async alloc(name, options) {
    return keep(await flowAlloc(name, options));
  },
  /** Accepts for ever and answers each message after `thinkMs`. */
  async serveEcho(name, { thinkMs = 0 } = {}) {
    await bind(name);
    const acceptor = flowAccept({ name });
    void (async () => {
      for await (const flow of acceptor) void echo(flow, thinkMs).catch(() => undefined);
    })();
  },
  /** Accepts for ever and keeps the flows, numbered in order of arrival. */
  async serveKeep(name) {
    await bind(name);
    const acceptor = flowAccept({ name });
    void (async () => {
      for await (const flow of acceptor) keep(flow);
    })();
  },
  kept: () => nextFlow - 1,
  lastKept: () => nextFlow - 1,
  async acceptOne(name, options) {
    const acceptor = flowAccept({ name, ...options });
    try {
      return keep(await acceptor.next(options).then((r) => (r && 'value' in r ? r.value : r)));
    } finally {
      await acceptor.close();
    }
  },
  write: (id, text) => flows.get(id).write(Buffer.from(text)),
  read: (id, options) => outcomeOf(flows.get(id).read(options)),
  async dealloc(id) {
    const at = process.hrtime.bigint();
    const flow = flows.get(id);
    flows.delete(id);
    await flow.dealloc();
    return at;
  },
  /** Blocks the event loop. */
  busy(ms) {
    const end = performance.now() + ms;
    while (performance.now() < end);
  },
};

async function echo(flow, thinkMs) {
  for await (const message of flow) {
    if (thinkMs > 0) await new Promise((resolve) => setTimeout(resolve, thinkMs));
    await flow.write(message);
  }
  await flow.dealloc();
}

process.on('message', async ({ call, op, args }) => {
  try {
    process.send({ call, value: await operations[op](...args) });
  } catch (error) {
    process.send({ call, error: { message: error.message, code: error.code, details: error.details } });
  }
});
process.on('disconnect', () => process.exit(0));

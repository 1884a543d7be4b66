// A program under remote control: its parent asks for flow operations over the fork's IPC and gets the outcome.
import { bind, flowAccept, flowAlloc, shutdown } from '@flowring/libdev';
import { serveOperations } from './serve-operations.mjs';

const flows = new Map();
const requests = [];
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
  /** `data` is text here; `abortAfterMs` aborts the allocation, 0 before it begins. */
  async alloc(name, { data, abortAfterMs, ...options } = {}) {
    return keep(await flowAlloc(name, { ...options, ...bytesOf(data), ...signalOf(abortAfterMs) }));
  },
  /** Allocates `count` flows without waiting; the message with each is its number. Resolves to how many there are. */
  async allocInOrder(name, count) {
    const numbers = Array.from({ length: count }, (_, i) => i);
    const all = await Promise.all(numbers.map((i) => flowAlloc(name, bytesOf(String(i)))));
    await Promise.all(all.map((flow) => flow.dealloc()));
    return all.length;
  },
  /** Accepts `count` flows, one after the other; resolves to the messages that came with them, in that order. */
  async acceptInOrder(name, count) {
    const texts = [];
    for await (const flow of flowAccept({ name, backlogMax: 1 })) {
      texts.push(flow.data?.toString());
      await flow.dealloc();
      if (texts.length === count) return texts;
    }
    return texts;
  },
  /** Queues the requests for a name, for `answer` and `refuse`. */
  async serveDecide(name) {
    await bind(name);
    const acceptor = flowAccept({ name, decide: true });
    void (async () => {
      for await (const request of acceptor) requests.push(request);
    })();
  },
  requests: () => requests.map(({ name, data, withdrawn }) => ({ name, data: data?.toString(), withdrawn })),
  /** Accepts the oldest request; `text` goes with the answer. */
  async answer(text) {
    return keep(await requests.shift().accept(bytesOf(text)));
  },
  refuse: (code) => requests.shift().refuse(code),
  /** What came with a flow's allocation, and where it goes. */
  look(id) {
    const { data, answer, layer, peer, isOpen } = flows.get(id);
    return { data: data?.toString(), answer: answer?.toString(), layer, peerPid: peer.pid, isOpen };
  },
  bind,
  shutdown,
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
  write: (id, text) => flows.get(id).write(Buffer.from(text)),
  read: (id, options) => outcomeOf(flows.get(id).read(options)),
  async dealloc(id) {
    const at = process.hrtime.bigint();
    const flow = flows.get(id);
    flows.delete(id);
    await flow.dealloc();
    return at;
  },
  /** Answers, and then blocks the event loop. */
  busy(ms) {
    setTimeout(() => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    }, 10);
  },
};

const bytesOf = (text) => (text === undefined ? {} : { data: Buffer.from(text) });

function signalOf(abortAfterMs) {
  if (abortAfterMs === undefined) return {};
  return { signal: abortAfterMs === 0 ? AbortSignal.abort() : AbortSignal.timeout(abortAfterMs) };
}

async function echo(flow, thinkMs) {
  for await (const message of flow) {
    if (thinkMs > 0) await new Promise((resolve) => setTimeout(resolve, thinkMs));
    await flow.write(message);
  }
  await flow.dealloc();
}

serveOperations(operations);

// A program on one of two hosts, under remote control: what the network scenarios ask of it.
import { createHash } from 'node:crypto';
import { bind, flowAccept, flowAlloc } from '@flowring/libdev';
import { serveOperations } from '../../scenarios/serve-operations.mjs';
import { bytesOf, numberOf } from './numbered-message.mjs';

const flows = new Map();
let nextFlow = 1;
let accepted = 0;
/** What checking servers have received. */
const received = { messages: 0, corrupt: 0, copies: 0, late: 0 };

const keep = (flow) => {
  flows.set(nextFlow, flow);
  return nextFlow++;
};

async function serve(name, handle) {
  await bind(name);
  const acceptor = flowAccept({ name });
  void (async () => {
    for await (const flow of acceptor) {
      accepted += 1;
      void handle(flow).catch(() => flow.abort());
    }
  })();
}

/** Answers each message with itself; one that is a number of ms in text it answers so much later. */
async function echo(flow) {
  for await (const message of flow) {
    const thinkMs = Number(message.toString('latin1', 0, 16));
    if (thinkMs > 0) await new Promise((resolve) => setTimeout(resolve, thinkMs));
    await flow.write(message);
  }
  await flow.dealloc();
}

/** Takes as many bytes as the first message says, and answers with their SHA-256. */
async function digest(flow) {
  let left = Number(await flow.read());
  const hash = createHash('sha256');
  while (left > 0) {
    const message = await flow.read();
    if (message === null) break;
    hash.update(message);
    left -= message.length;
  }
  await flow.write(hash.digest());
  await flow.read();
  await flow.dealloc();
}

/** Looks whether numbered messages come whole, once and in order. */
async function check(flow) {
  const seen = new Set();
  let last = -1;
  for await (const message of flow) {
    const number = numberOf(message);
    if (number === null) received.corrupt += 1;
    else if (seen.has(number)) received.copies += 1;
    else if (number < last) received.late += 1;
    seen.add(number);
    last = Math.max(last, number ?? -1);
    received.messages += 1;
  }
  await flow.dealloc();
}

async function keeping(flow) {
  keep(flow);
}

/** One allocation, an echo to see that it works, and its end. */
async function tryAllocation(name, options) {
  const began = performance.now();
  try {
    const flow = await flowAlloc(name, options);
    const ms = performance.now() - began;
    await flow.dealloc().catch(() => undefined);
    return { ms, code: null };
  } catch (error) {
    return { ms: performance.now() - began, code: error.code ?? String(error) };
  }
}

/** What a read came to, and when, in ns. */
async function outcomeOf(reading) {
  try {
    const message = await reading;
    return { at: process.hrtime.bigint(), text: message === null ? null : message.toString('latin1') };
  } catch (error) {
    return { at: process.hrtime.bigint(), code: error.code };
  }
}

serveOperations({
  serveEcho: (name) => serve(name, echo),
  serveDigest: (name) => serve(name, digest),
  serveCheck: (name) => serve(name, check),
  serveKeep: (name) => serve(name, keeping),
  accepted: () => accepted,
  received: () => received,
  lastKept: () => nextFlow - 1,
  /** `count` allocations at once. */
  allocations: (name, count, options) =>
    Promise.all(Array.from({ length: count }, () => tryAllocation(name, options))),
  /** Sends pseudo-random bytes; resolves to whether the server's digest is ours, and to how long it took. */
  async upload(name, { bytes, messageBytes = 16_384, answerTimeoutMs = 120_000, ...options }) {
    const flow = await flowAlloc(name, { qos: 'data', ...options });
    const hash = createHash('sha256');
    const began = performance.now();
    await flow.write(Buffer.from(String(bytes)));
    for (let sent = 0; sent < bytes;) {
      const message = createHash('shake128', { outputLength: Math.min(messageBytes, bytes - sent) })
        .update(`${sent}`)
        .digest();
      hash.update(message);
      await flow.write(message);
      sent += message.length;
    }
    const answer = await flow.read({ timeoutMs: answerTimeoutMs });
    const ms = performance.now() - began;
    const { retransmits, pdusSent } = flow.inspect().frcpStats;
    await flow.dealloc().catch(() => undefined);
    return { retransmits, pdusSent, isEqual: answer !== null && hash.digest().equals(answer), ms };
  },
  /** Sends numbered messages, and ends the flow. Resolves to the code with which that failed, or `null`. */
  async numbered(name, { count, messageBytes = 64, gapMs = 0, ...options }) {
    const flow = await flowAlloc(name, options);
    for (let number = 0; number < count; number++) {
      await flow.write(bytesOf(number, messageBytes));
      if (gapMs > 0) await new Promise((resolve) => setTimeout(resolve, gapMs));
    }
    return flow.dealloc({ lingerMs: 60_000 }).then(
      () => null,
      ({ code }) => code,
    );
  },
  async alloc(name, options) {
    return keep(await flowAlloc(name, options));
  },
  /** `count` flows, `parallel` at a time; how many there are. */
  async allocMany(name, { count, parallel = 64, ...options }) {
    for (let made = 0; made < count; made += parallel)
      await Promise.all(
        Array.from({ length: Math.min(parallel, count - made) }, async () =>
          keep(await flowAlloc(name, options)),
        ),
      );
    return flows.size;
  },
  async writeNumbered(id, first, count) {
    for (let number = first; number < first + count; number++) await flows.get(id).write(bytesOf(number, 64));
  },
  write: (id, text) => flows.get(id).write(Buffer.from(text, 'latin1')),
  read: (id, options) => outcomeOf(flows.get(id).read(options)),
  /** A message there and back. */
  async roundTrip(id, text, options) {
    const flow = flows.get(id);
    const began = performance.now();
    await flow.write(Buffer.from(text, 'latin1'));
    const { text: reply, code } = await outcomeOf(flow.read(options));
    return { reply, code, ms: performance.now() - began };
  },
  async dealloc(id, options) {
    const flow = flows.get(id);
    flows.delete(id);
    await flow.dealloc(options);
  },
  areOpen: () => [...flows.values()].filter((flow) => flow.isOpen).length,
  /** Answers, and then stops the event loop for so long. */
  stall(ms) {
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms), 10);
  },
});

// The measuring end of one subject: forks its server, then runs the operations its parent asks for.
import { fork } from 'node:child_process';
import { createHistogram } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { DATA, ECHO, messageOf } from './peers/message.mjs';
import { subjectModule } from './subjects.mjs';

const now = () => performance.now();
/** Until everything that was sent has arrived, or never will. */
const QUIET_MS = 250;
const links = [];
let main = null;
let connectOnce = null;
let server = null;

const operations = {
  async start({ module, serve, connect = {}, serialization = 'json' }) {
    server = fork(fileURLToPath(new URL('./server.mjs', import.meta.url)), [], {
      serialization,
    });
    const told = new Promise((resolve) => server.once('message', resolve));
    server.send({ module, options: serve });
    const { address } = await told;
    const peer = await subjectModule(module);
    connectOnce = () => peer.connect(address, { ...connect, server });
    main = await connectOnce();
    return { pids: [process.pid, server.pid] };
  },

  /** Round trips of `sizeBytes`, one at a time: percentiles in us. */
  async roundTrip({ sizeBytes, count, warmUp }) {
    const message = messageOf(ECHO, sizeBytes);
    for (let i = 0; i < warmUp; i++) await main.echo(message);
    return timed(count, () => main.echo(message));
  },

  /**
   * Messages per second of `sizeBytes` in one direction, the last one acknowledged. `isLossy`: those that arrived; the
   * question for their number waits until the way is free, so as not to be lost itself.
   */
  async oneWay({ sizeBytes, ms, isLossy = false }) {
    const message = messageOf(DATA, sizeBytes);
    const finish = async () => {
      if (isLossy) await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      return main.finish();
    };
    await main.blast(message, during(ms / 4));
    await finish();
    const began = now();
    const sent = await main.blast(message, during(ms));
    const counted = await finish();
    const tookMs = now() - began - (isLossy ? QUIET_MS : 0);
    if (counted !== sent && !isLossy) throw new Error(`${sent - counted} of ${sent} messages were lost`);
    return { perSecond: (counted * 1_000) / tookMs, lost: 1 - counted / sent };
  },

  /** Connect, one echo, close: percentiles in us. */
  async connectEchoClose({ count, warmUp }) {
    const message = messageOf(ECHO, 64);
    const cycle = async () => {
      const link = await connectOnce();
      await link.echo(message);
      await link.close();
    };
    for (let i = 0; i < warmUp; i++) await cycle();
    return timed(count, cycle);
  },

  /** Opens links until `total` are open beside the main one, a few at a time; each was used once. */
  async open({ total }) {
    const message = messageOf(ECHO, 64);
    while (links.length < total) {
      const batch = Array.from({ length: Math.min(100, total - links.length) }, connectOnce);
      const opened = await Promise.all(batch);
      await Promise.all(opened.map((link) => link.echo(message)));
      links.push(...opened);
    }
  },

  async closeAll() {
    while (links.length > 0) await Promise.all(links.splice(-100).map((link) => link.close()));
  },

  async stop() {
    await main?.close();
    server.disconnect();
    await new Promise((resolve) => server.once('exit', resolve));
    setImmediate(() => process.exit(0));
  },
};

/** Looks at the clock seldom enough not to be what is measured. */
function during(ms) {
  const end = now() + ms;
  return () => now() < end;
}

async function timed(count, operation) {
  const histogram = createHistogram({ figures: 3 });
  for (let i = 0; i < count; i++) {
    const began = process.hrtime.bigint();
    await operation();
    histogram.record(process.hrtime.bigint() - began);
  }
  return { p50Us: histogram.percentile(50) / 1_000, p99Us: histogram.percentile(99) / 1_000 };
}

process.on('message', async ({ op, args }) => {
  try {
    process.send({ value: (await operations[op](args)) ?? null });
  } catch (error) {
    process.send({ error: `${error.code ?? ''} ${error.message}` });
  }
});
process.on('disconnect', () => process.exit(1));

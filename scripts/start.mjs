// `npm start`: shows flows between real programs, through a real daemon, in about ten seconds.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { seconds } from './steps.mjs';

const LAYER = 'home';
const HOLD_MS = 400;
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Flowring needs Node 20.19 or later; this is ${process.version}.`);
  process.exit(1);
}

const began = performance.now();
let step = 'building';
let dir = null;
let programs = null;
ensureInstalled();
if ((await build()) !== 0) await fail(new Error('the compiler reported errors, see above'));
// Needs nothing installed before this point.
const { Programs } = await import('./start-programs.mjs');

dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-start-'));
programs = new Programs({ ...process.env, FLOWRING_DIR: dir, FLOWRING_AUTOSTART: '0' });
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void fail(new Error(signal)));
try {
  await show();
} catch (error) {
  await fail(error);
}
await programs.stopAll();
fs.rmSync(dir, { recursive: true, force: true });
console.log(`\nEverything is shut down and nothing is left behind. This took ${seconds(began)}.`);
console.log('Next: README.md, "Write your own server and client".');
process.exit(0);

async function show() {
  say(
    'An IRM daemon is started, in a directory of its own. It manages names and flow endpoints; no packet passes through it.',
  );
  await programs.startDaemon();

  say(
    `It starts an IPC process for the layer "${LAYER}", which carries flows between programs of this machine.`,
  );
  await programs.irm('ipcp', 'create', LAYER, '--type', 'local');
  await programs.irm('ipcp', 'bootstrap', LAYER, '--layer', LAYER);

  say('An oecho server starts and binds itself to the name "oecho".');
  const server = await programs.startServer();

  say(
    'A client allocates a RAW flow to that name, says hi and reads the reply. The two programs share memory: the packets go directly.',
  );
  await client();

  say('The same on a RELIABLE flow: FRCP numbers, acknowledges and, if need be, retransmits the messages.');
  await client('--reliable');

  say(`The same two again, now through the IPC process of the layer "${LAYER}".`);
  await programs.irm('name', 'register', 'oecho', '--layer', LAYER);
  await client('--layer', LAYER);
  await client('--reliable', '--layer', LAYER);
  await server.stop();

  say(
    'The second read: the client reads once more while the server deallocates. A blocked read must end, not hang.',
  );
  await secondReads('deallocated', async (running) => running.timeOf('Deallocating.'));

  say('And the hard case: the server is killed (kill -9) while the client is blocked in its second read.');
  await secondReads('was killed', async (running, reader) => {
    await reader.line('Server replied');
    await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
    return running.kill9();
  });
}

async function client(...args) {
  step = `oecho ${args.join(' ')}`;
  const running = programs.startClient('--times', ...args);
  await running.succeeded();
}

/** One blocked read on a raw flow, one on a reliable flow, each ended by `endServer`. */
async function secondReads(what, endServer) {
  for (const flags of [[], ['--reliable']]) {
    step = `the second read of ${flags.length === 0 ? 'a raw' : 'a reliable'} flow (the server ${what})`;
    const isKill = what === 'was killed';
    const server = await programs.startServer('--timeofday', '--hold', String(isKill ? 60_000 : HOLD_MS));
    const reader = programs.startClient('--timeofday', '--second-read', ...flags);
    const causeMs = await endServer(server, reader);
    const endMs = await reader.timeOf('The second read');
    await reader.exited;
    const ended = reader.lineWith('The second read').replace(/^\[.*?\] /, '');
    const wanted = isKill ? 'FLOWRING_PEER_GONE' : 'the clean end';
    if (!ended.includes(wanted)) throw new Error(`expected ${wanted}, but: ${ended}`);
    console.log(`    The read ended ${(endMs - causeMs).toFixed(1)} ms after the server ${what}.`);
    await server.stop();
  }
}

function say(text) {
  step = text;
  console.log(`\n${text}`);
}

async function fail(error) {
  console.error(`\nnpm start failed at: ${step}\n${error.message ?? error}`);
  await programs?.stopAll().catch(() => undefined);
  if (dir !== null) fs.rmSync(dir, { recursive: true, force: true });
  process.exit(1);
}

// Round trip and one-way rate of each kind of channel between two processes, beside a node:net unix stream with
// length framing, in one run. Medians of RUNS. Usage: node packages/channel/bench/channel.mjs [--runs 5] [--json]
import { fork } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { availableKinds, createChannelFiles, openChannel, removeChannelFiles } from '../dist/index.js';

const RINGS = 1_048_576;
const ROUND_TRIPS = 20_000;
const ONE_WAY = [
  [64, 1_000_000],
  [1_400, 400_000],
  [16_384, 60_000],
];

/** Both transports as {send(bytes): boolean, onMessage, onWritable}. */
function open(kind, side, prefix) {
  return kind === 'net' ? openNet(side, prefix) : openFlow(kind, side, prefix);
}

async function openFlow(kind, side, prefix) {
  const port = { onMessage() {}, onWritable() {}, close: () => channel.close() };
  const spec = { id: 1, kind, side, path: prefix, ringBytes: RINGS, token: 'ab'.repeat(16) };
  let channel;
  const up = new Promise((onUp) => (channel = openChannel({ spec, events: { onUp, onDown() {} } })));
  const flow = channel.attach(1, {
    onMessage(slab, start, end) {
      flow.consumed(end - start);
      port.onMessage(slab, start, end);
    },
    onEnd() {},
    onWritable: () => port.onWritable(),
  });
  port.send = (bytes) => flow.trySend(bytes) === 'sent';
  port.stats = channel.stats;
  // The channel does not keep the process alive.
  const alive = setInterval(() => {}, 1_000);
  await up;
  clearInterval(alive);
  return port;
}

async function openNet(side, prefix) {
  const socket = await new Promise((resolve) => {
    if (side === 'b') return connect(resolve);
    const server = net.createServer((s) => (server.close(), resolve(s))).listen(`${prefix}.net`);
    function connect(done) {
      const s = net.connect(`${prefix}.net`, () => done(s));
      s.on('error', () => setTimeout(() => connect(done), 5));
    }
  });
  const port = { onMessage() {}, onWritable() {}, close: () => socket.destroy() };
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    const bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32LE(at);
      if (bytes.length - at - 4 < length) break;
      port.onMessage(bytes, at + 4, at + 4 + length);
      at += 4 + length;
    }
    pending = bytes.subarray(at);
  });
  socket.on('drain', () => port.onWritable());
  socket.on('error', () => {});
  port.send = (bytes) => {
    if (socket.writableNeedDrain) return false;
    const frame = Buffer.allocUnsafe(4 + bytes.length);
    frame.writeUInt32LE(bytes.length, 0);
    frame.set(bytes, 4);
    socket.write(frame);
    return true;
  };
  return port;
}

async function child(kind, prefix) {
  const port = await open(kind, 'b', prefix);
  let left = -1;
  port.onMessage = (slab, start, end) => {
    if (left > 0) {
      if (--left === 0) {
        left = -1;
        port.send(Buffer.from('done'));
      }
    } else if (end - start === 4 && slab.readInt32LE(start) !== 0) left = slab.readInt32LE(start);
    else port.send(slab.subarray(start, end));
  };
  process.on('message', () => process.send(process.cpuUsage()));
  process.on('disconnect', () => process.exit(0));
  process.send('ready');
}

async function measure(kind) {
  const dir = fs.mkdtempSync(path.join(fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'fr-bench-'));
  const prefix = path.join(dir, 'c');
  if (kind !== 'net') createChannelFiles(prefix, kind, RINGS);
  const peer = fork(import.meta.filename, ['child', kind, prefix]);
  const ready = new Promise((resolve) => peer.once('message', resolve));
  const port = await open(kind, 'a', prefix);
  await ready;
  const result = { kind };
  await roundTrips(port, 3_000);
  const cpu = process.cpuUsage();
  Object.assign(result, await roundTrips(port, ROUND_TRIPS));
  const used = process.cpuUsage(cpu);
  result.cpuUsPerTrip = (used.user + used.system) / ROUND_TRIPS;
  for (const [bytes, count] of ONE_WAY) {
    await oneWay(port, bytes, count / 10);
    result[`rate${bytes}`] = await oneWay(port, bytes, count);
  }
  if (port.stats) result.bells = port.stats.bellsSent;
  const gone = new Promise((resolve) => peer.once('exit', resolve));
  port.close();
  peer.disconnect();
  await gone;
  removeChannelFiles(prefix, kind === 'net' ? 'unix' : kind);
  fs.rmSync(dir, { recursive: true });
  return result;
}

async function roundTrips(port, count) {
  const message = Buffer.alloc(64, 1);
  const us = new Float64Array(count);
  let resolveAnswer;
  port.onMessage = () => resolveAnswer();
  for (let i = 0; i < count; i++) {
    const from = process.hrtime.bigint();
    const answer = new Promise((resolve) => (resolveAnswer = resolve));
    port.send(message);
    await answer;
    us[i] = Number(process.hrtime.bigint() - from) / 1_000;
  }
  us.sort();
  return { rttUs: us[count >> 1], rttP99Us: us[Math.floor(count * 0.99)] };
}

async function oneWay(port, bytes, count) {
  const message = Buffer.alloc(bytes, 1);
  const head = Buffer.alloc(4);
  head.writeInt32LE(count);
  let left = count;
  const done = new Promise((resolve) => (port.onMessage = resolve));
  port.send(head);
  const from = process.hrtime.bigint();
  const go = () => {
    for (let batch = 0; left > 0; left--) {
      if (!port.send(message)) return;
      // A sender shares its process with others: it yields now and then.
      if (++batch === 4_096) return (left--, setImmediate(go));
    }
  };
  port.onWritable = go;
  go();
  await done;
  return (count / Number(process.hrtime.bigint() - from)) * 1e9;
}

const median = (values) => values.toSorted((x, y) => x - y)[values.length >> 1];

async function main() {
  const runs = Number(process.argv[process.argv.indexOf('--runs') + 1]) || 5;
  const only = process.argv.includes('--kinds')
    ? process.argv[process.argv.indexOf('--kinds') + 1].split(',')
    : null;
  const kinds = only ?? ['net', ...availableKinds()];
  const all = Object.fromEntries(kinds.map((kind) => [kind, []]));
  for (let run = 0; run < runs; run++) for (const kind of kinds) all[kind].push(await measure(kind));
  const rows = kinds.map((kind) => {
    const keys = Object.keys(all[kind][0]).filter((key) => key !== 'kind');
    return [kind, Object.fromEntries(keys.map((key) => [key, median(all[kind].map((r) => r[key]))]))];
  });
  if (process.argv.includes('--json')) return console.log(JSON.stringify(Object.fromEntries(rows)));
  const base = rows[0][1];
  for (const [kind, r] of rows) {
    const rate = (bytes) =>
      `${(r[`rate${bytes}`] / 1e6).toFixed(3)} M/s (${(r[`rate${bytes}`] / base[`rate${bytes}`]).toFixed(1)}x)`;
    console.log(
      kind.padEnd(5),
      `RTT ${r.rttUs.toFixed(1)} us (${(r.rttUs / base.rttUs).toFixed(2)}x) p99 ${r.rttP99Us.toFixed(1)} cpu ${r.cpuUsPerTrip.toFixed(1)} us |`,
      ONE_WAY.map(([bytes]) => `${bytes} B ${rate(bytes)}`).join(' | '),
      r.bells === undefined ? '' : `| bells ${r.bells}`,
    );
  }
}

if (process.argv[2] === 'child') await child(process.argv[3], process.argv[4]);
else await main();

// A flow relayed by a real ipcpd beside a direct channel, between the same two processes, in one run: round trip
// and one-way rate, medians of RUNS. This process stands for the IRMd and is the client; a child is the server.
// Usage: node packages/ipcpd/bench/relay.mjs [--kind shm|unix] [--runs 5]
import { fork, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createChannelFiles, openChannel } from '@flowring/channel';
import { qosCubes } from '@flowring/common';
import { startControlServer } from '@flowring/control';

const RING_BYTES = 1_048_576;
const ROUND_TRIPS = 20_000;
const ONE_WAY = [
  [64, 400_000],
  [1_400, 200_000],
  [16_384, 30_000],
];
const FLOW = { client: 1, server: 2, direct: 3 };

function spec(id, kind, side, prefix) {
  return { id, kind, side, path: prefix, ringBytes: RING_BYTES, token: 'ab'.repeat(16) };
}

function open(channelSpec) {
  return openChannel({ spec: channelSpec, events: { onUp() {}, onDown() {} } });
}

/** A flow as {send, onMessage, onWritable}. */
function attach(channel, flow) {
  const port = { onMessage() {}, onWritable() {}, onEnd() {} };
  const flowPort = channel.attach(flow, {
    onMessage(slab, start, end) {
      flowPort.consumed(end - start);
      port.onMessage(slab, start, end);
    },
    onEnd: (errno) => port.onEnd(errno),
    onWritable: () => port.onWritable(),
  });
  port.send = (bytes) => flowPort.trySend(bytes) === 'sent';
  port.end = () => flowPort.end(0);
  return port;
}

/** The server process: echoes; a 4-byte count makes it swallow that many and say so. */
function server([relayed, direct]) {
  for (const [channelSpec, flow] of [
    [relayed, FLOW.server],
    [direct, FLOW.direct],
  ]) {
    const port = attach(open(channelSpec), flow);
    let left = 0;
    port.onMessage = (slab, start, end) => {
      if (left > 0) {
        if (--left === 0) port.send(Buffer.from('done'));
      } else if (end - start === 4) left = slab.readInt32LE(start);
      else port.send(slab.subarray(start, end));
    };
    port.onEnd = (errno) => process.send?.({ end: errno, flow });
  }
  process.on('disconnect', () => process.exit(0));
  process.send('ready');
}

async function main() {
  const { values } = parseArgs({ options: { kind: { type: 'string' }, runs: { type: 'string' } } });
  const kind = values.kind ?? 'shm';
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'fr-relay-'));
  const prefix = (name) => path.join(dir, name);
  for (const name of ['client', 'server', 'direct']) createChannelFiles(prefix(name), kind, RING_BYTES);
  const ipcpd = await startIpcpd(dir);
  const app = fork(import.meta.filename, ['server'], {
    env: {
      ...process.env,
      SPECS: JSON.stringify([spec(2, kind, 'b', prefix('server')), spec(3, kind, 'b', prefix('direct'))]),
    },
  });
  const appSaid = (is) => new Promise((r) => app.on('message', (m) => is(m) && r(m)));
  const relayed = open(spec(1, kind, 'b', prefix('client')));
  const direct = open(spec(3, kind, 'a', prefix('direct')));
  ipcpd.send({ t: 'ipcp-bootstrap', req: 1, layer: 'here' });
  ipcpd.send({ t: 'ipcp-register', req: 2, name: 'echo' });
  const ready = appSaid((m) => m === 'ready');
  ipcpd.send({
    t: 'ipcp-alloc',
    flow: FLOW.client,
    name: 'echo',
    qos: qosCubes.raw,
    timeoutMs: 5_000,
    channel: 1,
    open: spec(1, kind, 'a', prefix('client')),
  });
  const { incoming } = await ipcpd.said('ipcp-incoming');
  ipcpd.send({
    t: 'ipcp-accept',
    incoming,
    flow: FLOW.server,
    channel: 2,
    open: spec(2, kind, 'a', prefix('server')),
  });
  await ipcpd.said('ipcp-allocated');
  await ready;
  const ports = { direct: attach(direct, FLOW.direct), relayed: attach(relayed, FLOW.client) };
  for (let run = 0; run < Number(values.runs ?? 5); run += 1) {
    for (const [name, port] of Object.entries(ports)) await measure(name, port);
  }
  report();
  const ended = appSaid((m) => m.flow === FLOW.server);
  ports.relayed.end();
  ipcpd.send({ t: 'ipcp-dealloc', flow: FLOW.client });
  console.log('the server saw the end of the relayed flow:', (await ended).end);
  await ipcpd.said('ipcp-released');
  relayed.close();
  direct.close();
  app.disconnect();
  await ipcpd.stop();
  fs.rmSync(dir, { recursive: true });
}

async function startIpcpd(dir) {
  const waiting = [];
  const seen = [];
  let process_ = 0;
  let joined;
  const up = new Promise((resolve) => (joined = resolve));
  const control = await startControlServer({
    dir,
    events: {
      onProcess: (attested) => ((process_ = attested.process), setImmediate(joined), true),
      onMessage: (_from, message) => {
        const at = waiting.findIndex((one) => one.t === message.t);
        if (at >= 0) waiting.splice(at, 1)[0].resolve(message);
        else seen.push(message);
      },
      onGone() {},
    },
  });
  const bin = path.join(import.meta.dirname, '../dist/bin/ipcpd.js');
  const child = spawn(process.execPath, [bin, '--type', 'local', '--name', 'bench'], {
    stdio: 'inherit',
    env: { ...process.env, FLOWRING_DIR: dir, FLOWRING_TOKEN: 'bench' },
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await up;
  return {
    send: (message) => control.send(process_, message),
    said: (t) => {
      const at = seen.findIndex((message) => message.t === t);
      if (at >= 0) return Promise.resolve(seen.splice(at, 1)[0]);
      return new Promise((resolve) => waiting.push({ t, resolve }));
    },
    stop: async () => {
      child.kill('SIGTERM');
      console.log('ipcpd ended with', await gone);
      await control.stop();
    },
  };
}

const results = {};

async function measure(name, port) {
  const note = (key, value) => ((results[key] ??= {})[name] ??= []).push(value);
  const us = await roundTrips(port);
  note('rtt p50, us', us[us.length >> 1]);
  note('rtt p99, us', us[Math.floor(us.length * 0.99)]);
  for (const [bytes, count] of ONE_WAY)
    note(`${bytes} B, k msg/s`, (await oneWay(port, bytes, count)) / 1_000);
}

function report() {
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const rows = Object.entries(results).map(([key, { direct, relayed }]) => [
    key,
    {
      direct: +median(direct).toFixed(1),
      relayed: +median(relayed).toFixed(1),
      ratio: +(median(relayed) / median(direct)).toFixed(2),
    },
  ]);
  console.table(Object.fromEntries(rows));
}

async function roundTrips(port) {
  const message = Buffer.alloc(64, 1);
  const us = new Float64Array(ROUND_TRIPS);
  let answered;
  port.onMessage = () => answered();
  for (let i = 0; i < ROUND_TRIPS; i += 1) {
    const from = process.hrtime.bigint();
    const answer = new Promise((resolve) => (answered = resolve));
    port.send(message);
    await answer;
    us[i] = Number(process.hrtime.bigint() - from) / 1_000;
  }
  return us.sort();
}

async function oneWay(port, bytes, count) {
  const message = Buffer.alloc(bytes, 1);
  const head = Buffer.alloc(4);
  head.writeInt32LE(count);
  const done = new Promise((resolve) => (port.onMessage = resolve));
  port.send(head);
  let left = count;
  const from = process.hrtime.bigint();
  const go = () => {
    for (let batch = 0; left > 0; left -= 1) {
      if (!port.send(message)) return;
      if (++batch === 4_096) {
        left -= 1;
        setImmediate(go);
        return;
      }
    }
  };
  port.onWritable = go;
  go();
  await done;
  return count / (Number(process.hrtime.bigint() - from) / 1e9);
}

if (process.argv[2] === 'server') server(JSON.parse(process.env.SPECS));
else await main();

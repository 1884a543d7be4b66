// Datagrams a second one way, and the round trip, between two processes on loopback: each kind of our sockets beside
// node:dgram as it is, in one run, round by round. Medians of the rounds.
// Usage: node packages/datagram/bench/datagram.mjs [--rounds 3] [--seconds 1] [--host ::1] [--json]
import { fork } from 'node:child_process';
import dgram from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openUdpSocket } from '../dist/index.js';
import { median } from '../../../bench/statistics.mjs';

const SIZES = [64, 1_200, 16_384, 65_000];
const SUBJECTS = ['offload', 'plain', 'naked dgram'];
/** In flight at once: little enough for the smallest receive buffer, datagrams and bytes. */
const WINDOW_DATAGRAMS = 512;
const WINDOW_BYTES = 1_048_576;
const ROUND_TRIPS = 10_000;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    host: { type: 'string', default: '127.0.0.1' },
    json: { type: 'boolean', default: false },
  },
});

/** Any subject as {port, connect(port) -> {send(bytes) -> boolean, flush()}, onMessage, onBatchEnd}. */
async function open(subject) {
  return subject === 'naked dgram' ? openNaked() : openOurs(subject);
}

async function openOurs(kind) {
  const end = { onMessage() {}, onBatchEnd() {} };
  const socket = await openUdpSocket({
    kind,
    host: options.host,
    onReceive: (bytes, start, stop) => end.onMessage(bytes, start, stop),
    onBatchEnd: () => end.onBatchEnd(),
  });
  end.port = socket.local.port;
  end.connect = (port) => {
    const to = socket.address(options.host, port);
    return { send: (bytes) => socket.send(to, bytes, 0, bytes.length), flush: () => socket.flush() };
  };
  end.close = () => socket.close();
  return end;
}

async function openNaked() {
  const end = { onMessage() {}, onBatchEnd() {} };
  const type = options.host.includes(':') ? 'udp6' : 'udp4';
  const socket = dgram.createSocket({ type, recvBufferSize: 4_194_304, sendBufferSize: 4_194_304 });
  socket.on('message', (bytes) => {
    end.onMessage(bytes, 0, bytes.length);
    end.onBatchEnd();
  });
  await new Promise((resolve) => socket.bind(0, options.host, resolve));
  end.port = socket.address().port;
  end.connect = (port) => ({
    send: (bytes) => (socket.send(bytes, port, options.host), true),
    flush() {},
  });
  end.close = () => socket.close();
  return end;
}

/** Answers each ping, and tells how many datagrams came in all after each batch of a stream. */
async function child(subject) {
  const end = await open(subject);
  const back = end.connect(Number(process.env.BENCH_PORT));
  const report = Buffer.alloc(8);
  let received = 0;
  let isOwed = false;
  let every = 0;
  end.onMessage = (bytes, start, stop) => {
    if (bytes[start] === 1) {
      back.send(bytes.subarray(start, stop));
      back.flush();
      return;
    }
    received++;
    every = bytes[start + 1];
    isOwed = true;
  };
  let reported = 0;
  end.onBatchEnd = () => {
    if (!isOwed || received - reported < every) return;
    isOwed = false;
    reported = received;
    report.writeUInt32LE(received, 4);
    back.send(report);
    back.flush();
  };
  process.on('message', () => {
    process.send({ received });
    received = reported = 0;
  });
  process.send({ port: end.port });
}

async function measure(subject) {
  const end = await open(subject);
  const other = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2)], {
    env: { ...process.env, BENCH_SUBJECT: subject, BENCH_PORT: String(end.port) },
  });
  const told = () => new Promise((resolve) => other.once('message', resolve));
  const { port } = await told();
  const out = end.connect(port);
  const rates = {};
  for (const bytes of SIZES) {
    await stream(end, out, bytes, 100);
    other.send('reset');
    await told();
    const sent = await stream(end, out, bytes, Number(options.seconds) * 1_000);
    other.send('reset');
    const { received } = await told();
    rates[bytes] = { perSecond: received / (sent.ms / 1_000), lost: 1 - received / sent.datagrams };
  }
  const roundTripUs = await pingPong(end, out);
  other.kill();
  await end.close();
  return { rates, roundTripUs };
}

async function stream(end, out, bytes, forMs) {
  const window = Math.max(4, Math.min(WINDOW_DATAGRAMS, Math.floor(WINDOW_BYTES / bytes)));
  const message = Buffer.alloc(bytes);
  message[1] = Math.min(255, Math.floor(window / 4));
  const began = performance.now();
  let [sent, done, isOver] = [0, 0, false];
  let stalledAt = -1;
  const fill = () => {
    if (performance.now() - began > forMs) isOver = true;
    while (!isOver && sent - done < window && out.send(message)) sent++;
    out.flush();
  };
  end.onMessage = (report, start) => {
    const now = report.readUInt32LE(start + 4);
    done = Math.max(done, now);
  };
  end.onBatchEnd = fill;
  fill();
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    // Datagrams were lost: what is missing will not be reported.
    if (done === stalledAt) done = sent;
    stalledAt = done;
    fill();
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  end.onBatchEnd = () => {};
  return { datagrams: sent, ms: forMs };
}

async function pingPong(end, out) {
  const ping = Buffer.alloc(64, 1);
  let left = ROUND_TRIPS;
  const began = performance.now();
  await new Promise((resolve) => {
    const go = () => {
      if (left-- === 0) return resolve();
      out.send(ping);
      out.flush();
    };
    end.onMessage = go;
    go();
  });
  return ((performance.now() - began) / ROUND_TRIPS) * 1_000;
}

async function main() {
  const rows = Object.fromEntries(SUBJECTS.map((subject) => [subject, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const subject of SUBJECTS) rows[subject].push(await measure(subject));
  }
  const summary = Object.fromEntries(
    SUBJECTS.map((subject) => {
      const rounds = rows[subject];
      const rates = SIZES.map((bytes) => [
        bytes,
        Math.round(median(rounds.map(({ rates: r }) => r[bytes].perSecond))),
      ]);
      const lost = Math.max(...rounds.flatMap(({ rates: r }) => SIZES.map((bytes) => r[bytes].lost)));
      const roundTripUs = median(rounds.map((one) => one.roundTripUs));
      return [subject, { perSecond: Object.fromEntries(rates), roundTripUs, lost }];
    }),
  );
  if (options.json) return console.log(JSON.stringify(summary));
  console.log(
    [
      'subject'.padEnd(14),
      ...SIZES.map((bytes) => `${bytes} B/s`.padStart(16)),
      'RTT us'.padStart(10),
      'lost'.padStart(7),
    ].join(''),
  );
  for (const [subject, { perSecond, roundTripUs, lost }] of Object.entries(summary)) {
    const cells = SIZES.map((bytes) => {
      const times = perSecond[bytes] / summary['naked dgram'].perSecond[bytes];
      return `${Math.round(perSecond[bytes] / 100) / 10}k ${times.toFixed(1)}x`.padStart(16);
    });
    console.log(
      [
        subject.padEnd(14),
        ...cells,
        roundTripUs.toFixed(1).padStart(10),
        `${(lost * 100).toFixed(1)}%`.padStart(7),
      ].join(''),
    );
  }
}

if (process.env.BENCH_SUBJECT === undefined) await main();
else await child(process.env.BENCH_SUBJECT);

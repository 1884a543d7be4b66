// `node bench/net.mjs [--quick] [--json] [--save NAME] [--only reliable,tcp]`: flows between two hosts of a udp layer,
// and their peers, on loopback in one run, in interleaved rounds. Every end is a process of its own, and between the
// ends of a flow lie two IPCPs. Reported are medians over the rounds, and ratios of these medians.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { median } from './statistics.mjs';
import { startSubject } from './subject.mjs';
import { system } from './system.mjs';
import { startTwoHosts } from './two-hosts.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    save: { type: 'string' },
    only: { type: 'string' },
  },
});
const plan = options.quick
  ? { rounds: 3, roundTrips: 2_000, oneWayMs: 400 }
  : { rounds: 7, roundTrips: 10_000, oneWayMs: 1_000 };

const RAW = { sizeBytes: 1_200, isLossy: true };
const STREAM = { sizeBytes: 16_384 };
const hosts = await startTwoHosts(['net-raw', 'net-reliable']);
const flow = (name, qos) => ({
  module: 'flow',
  serve: { name, dir: hosts.server.dir },
  connect: { qos, layer: 'net' },
});
const SUBJECTS = {
  reliable: { title: 'flow, reliable', ...flow('net-reliable', 'data'), oneWay: STREAM },
  tcp: { title: 'node:net TCP', module: 'stream', serve: {}, oneWay: STREAM },
  udx: { title: 'udx-native stream', module: 'udx', serve: {}, oneWay: STREAM },
  raw: { title: 'flow, raw', ...flow('net-raw', 'raw'), oneWay: RAW },
  dgram: { title: 'node:dgram', module: 'dgram', serve: {}, oneWay: RAW },
};

try {
  await main();
} finally {
  await hosts.stop();
}

async function main() {
  const only = options.only?.split(',');
  const chosen = Object.fromEntries(
    Object.entries(SUBJECTS).filter(([key]) => only === undefined || only.includes(key)),
  );
  const result = { system: system(), plan, ...(await measure(chosen)) };
  result.goals = only === undefined ? goals(result.subjects) : [];
  if (options.json) console.log(JSON.stringify(result, null, 2));
  else print(result);
  if (options.save !== undefined) save(result);
}

async function measure(chosen) {
  const running = {};
  const samples = {};
  for (const [key, subject] of Object.entries(chosen)) {
    running[key] = await startSubject(subject, hosts.client.env);
    samples[key] = { rates: [], lost: [], p50Us: [], p99Us: [] };
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const [key, subject] of Object.entries(chosen))
      await measureOnce(subject, running[key], samples[key]);
  }
  for (const one of Object.values(running)) await one.stop();
  const subjects = Object.entries(samples).map(([key, { rates, lost, p50Us, p99Us }]) => {
    const { title, oneWay } = chosen[key];
    const { sizeBytes } = oneWay;
    const perSecond = median(rates);
    const spread = [Math.min(...rates), Math.max(...rates)];
    return [
      key,
      { title, sizeBytes, perSecond, spread, lost: median(lost), p50Us: median(p50Us), p99Us: median(p99Us) },
    ];
  });
  return { subjects: Object.fromEntries(subjects) };
}

async function measureOnce({ oneWay }, subject, { rates, lost, p50Us, p99Us }) {
  const count = plan.roundTrips;
  const trip = await subject.call('roundTrip', { sizeBytes: 64, count, warmUp: count / 10 });
  p50Us.push(trip.p50Us);
  p99Us.push(trip.p99Us);
  const way = await subject.call('oneWay', { ...oneWay, ms: plan.oneWayMs });
  rates.push(way.perSecond);
  lost.push(way.lost);
}

function goals({ reliable, tcp, udx, raw, dgram }) {
  const list = [
    ['reliable one way 16 KiB / TCP', reliable.perSecond / tcp.perSecond, '>=', 0.4],
    ['reliable one way 16 KiB / udx-native', reliable.perSecond / udx.perSecond, '>=', 4],
    ['raw one way 1200 B / dgram', raw.perSecond / dgram.perSecond, '>=', 5],
    ['raw round trip 64 B / dgram', raw.p50Us / dgram.p50Us, '<=', 1.5],
    ['reliable round trip 64 B / dgram', reliable.p50Us / dgram.p50Us, '<=', 1.5],
  ];
  return list.map(([name, value, direction, bound]) => {
    const pass = direction === '>=' ? value >= bound : value <= bound;
    return { name, value, bound: `${direction} ${bound}`, pass };
  });
}

function print({ subjects, goals: reached, system: { loadBefore } }) {
  console.log(`load before: ${loadBefore.toFixed(1)}`);
  row('', 'size', 'messages/s', 'least', 'most', 'MB/s', 'lost', 'RTT p50 us', 'p99');
  for (const { title, sizeBytes, perSecond, spread, lost, p50Us, p99Us } of Object.values(subjects)) {
    const whole = [perSecond, ...spread].map((value) => Math.round(value).toLocaleString('en-US'));
    const megabytes = ((perSecond * sizeBytes) / 1e6).toFixed(0);
    const percent = `${(lost * 100).toFixed(1)}%`;
    row(title, `${sizeBytes}`, ...whole, megabytes, percent, p50Us.toFixed(1), p99Us.toFixed(1));
  }
  console.log('');
  for (const { name, value, bound, pass } of reached) {
    console.log(`${pass ? 'PASS' : 'FAIL'}  ${name.padEnd(40)} ${value.toFixed(2).padStart(7)}  ${bound}`);
  }
}

function row(title, ...cells) {
  console.log(title.padEnd(20) + cells.map((cell) => cell.padStart(12)).join(''));
}

function save(result) {
  const folder = new URL('./results/', import.meta.url);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(new URL(`${options.save}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
}

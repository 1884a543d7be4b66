// `node bench/wan.mjs [--quick] [--json] [--save NAME] [--only 0,0.1,1,shares] [--seed 1]`: a reliable flow and a TCP
// connection (CUBIC) between two hosts over one path of 100 Mbit/s, 40 ms and a queue of one product of both, for each
// share of packets lost at random (% each way), in interleaved rounds; and both at once on that path with no random
// loss: how they share it. Messages of 16 KiB; counted are bytes that the program at the other end got. Reported are
// medians over the rounds. Root on Linux.
import fs from 'node:fs';
import { register } from 'node:module';
import { parseArgs } from 'node:util';
import { median } from './statistics.mjs';
import { system } from './system.mjs';

register('../scripts/typescript-hooks.mjs', import.meta.url);
const { ADDRESSES, NAME, WanHosts } = await import('./wan/hosts.mjs');
const { whyNoNamespaces } = await import('../test/netns/support/network-namespace.ts');

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    save: { type: 'string' },
    only: { type: 'string', default: '0,0.1,1,shares' },
    seed: { type: 'string', default: '1' },
  },
});
const plan = options.quick
  ? { rounds: 2, seconds: 10, shareRounds: 1, shareSeconds: 40, settleSeconds: 10 }
  : { rounds: 5, seconds: 20, shareRounds: 3, shareSeconds: 60, settleSeconds: 10 };

const PATH = { rateKbps: 100_000, delayUs: 20_000, queueBytes: 500_000 };
const LOSSES_PCT = [0, 0.1, 1];
/** Seconds after the other one at which each begins. */
const STARTS = [
  { title: 'at once', flow: 0, tcp: 0 },
  { title: 'flow 10 s later', flow: 10, tcp: 0 },
  { title: 'TCP 10 s later', flow: 0, tcp: 10 },
];
const KINDS = ['flow', 'tcp'];
/** Until what is under way has come or never will. */
const QUIET_MS = 1_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const why = whyNoNamespaces();
if (why !== null) throw new Error(`cannot measure: ${why}`);
const parts = options.only.split(',');
const hosts = await WanHosts.start(Number(options.seed));
try {
  await main();
} finally {
  await hosts.stop();
}

async function main() {
  const result = { system: system(), path: PATH, plan, alone: [], shared: [] };
  for (const lossPct of LOSSES_PCT.filter((pct) => parts.includes(String(pct))))
    result.alone.push(await alone(lossPct));
  if (parts.includes('shares')) for (const start of STARTS) result.shared.push(await shared(start));
  result.goals = goals(result);
  if (options.json) console.log(JSON.stringify(result, null, 2));
  else print(result);
  if (options.save !== undefined) save(result);
}

async function alone(lossPct) {
  await hosts.relay.call('impair', { ...PATH, lossPct });
  const rounds = { flow: [], tcp: [] };
  const seen = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const kind of KINDS) {
      await start(kind);
      const mbits = await goodputOver(plan.seconds, kind);
      seen.push(await look(kind));
      await stop(kind);
      rounds[kind].push(mbits);
      note(`${lossPct} % ${kind} ${mbits.toFixed(2)} Mbit/s`);
    }
  }
  const [flow, tcp] = KINDS.map((kind) => median(rounds[kind]));
  return { lossPct, flow, tcp, ratio: flow / tcp, rounds, seen };
}

async function shared({ title, ...startsS }) {
  await hosts.relay.call('impair', PATH);
  const rounds = [];
  const seen = [];
  for (let round = 0; round < plan.shareRounds; round++) {
    const order = [...KINDS].sort((x, y) => startsS[x] - startsS[y]);
    await start(order[0]);
    await sleep(1_000 * (startsS[order[1]] - startsS[order[0]]));
    await start(order[1]);
    await sleep(1_000 * plan.settleSeconds);
    const before = await hosts.receiver.call('received');
    await sleep(1_000 * (plan.shareSeconds - plan.settleSeconds));
    const after = await hosts.receiver.call('received');
    for (const kind of KINDS) seen.push(await look(kind));
    for (const kind of KINDS) await stop(kind);
    const [flow, tcp] = KINDS.map((kind) => mbitsBetween(before, after, kind));
    rounds.push({ flow, tcp, share: flow / (flow + tcp) });
    note(`shared, ${title}: flow ${flow.toFixed(2)}, TCP ${tcp.toFixed(2)} Mbit/s`);
  }
  return { title, share: median(rounds.map(({ share }) => share)), rounds, seen };
}

async function start(kind) {
  await hosts.sender.call('start', kind, ADDRESSES.b, NAME);
}

async function stop(kind) {
  await hosts.sender.call('stop', kind);
  await sleep(QUIET_MS);
}

async function goodputOver(seconds, kind) {
  const before = await hosts.receiver.call('received');
  await sleep(1_000 * seconds);
  return mbitsBetween(before, await hosts.receiver.call('received'), kind);
}

function mbitsBetween(before, after, kind) {
  return ((after[kind] - before[kind]) * 8) / ((after.atMs - before.atMs) * 1_000);
}

/** The state of a sender, and of the path since the last look. */
async function look(kind) {
  const counts = await hosts.relay.call('counts');
  const state = kind === 'tcp' ? hosts.tcpState() : await hosts.sender.call('inspect', kind);
  if (kind === 'tcp' && !/\bcubic\b/.test(state)) throw new Error(`TCP does not use CUBIC: ${state}`);
  return { kind, state, ...counts };
}

function goals({ alone: rows, shared: sharings }) {
  const row = rows.find(({ lossPct }) => lossPct === 1);
  const list = [];
  if (row !== undefined) list.push(['goodput at 1 % loss / TCP', row.ratio, '>= 1.5', row.ratio >= 1.5]);
  for (const { title, share } of sharings)
    list.push([`share beside TCP, ${title}`, share, '0.35 to 0.65', share >= 0.35 && share <= 0.65]);
  return list.map(([name, value, bound, pass]) => ({ name, value, bound, pass }));
}

function print({ alone: rows, shared: sharings, goals: reached, system: { loadBefore } }) {
  console.log(`load before: ${loadBefore.toFixed(1)}`);
  const fixed = (value) => value.toFixed(2);
  const spread = (values) => `${fixed(Math.min(...values))}-${fixed(Math.max(...values))}`;
  if (rows.length > 0) line('Mbit/s', 'flow', 'least-most', 'TCP', 'least-most', 'ratio');
  for (const { lossPct, flow, tcp, ratio, rounds } of rows)
    line(`${lossPct} % loss`, fixed(flow), spread(rounds.flow), fixed(tcp), spread(rounds.tcp), fixed(ratio));
  const late = [...rows, ...sharings].flatMap(({ seen }) => seen).map((one) => one.late.meanUs);
  console.log(`packets left the path late by ${Math.round(median(late))} us`);
  for (const { title, rounds } of sharings) {
    const both = rounds.map(({ flow, tcp, share }) => `${fixed(flow)}+${fixed(tcp)} (${fixed(share)})`);
    console.log(`shared, ${title}: flow + TCP, Mbit/s (share of the flow): ${both.join('  ')}`);
  }
  console.log('');
  for (const { name, value, bound, pass } of reached)
    console.log(`${pass ? 'PASS' : 'FAIL'}  ${name.padEnd(40)} ${value.toFixed(2).padStart(7)}  ${bound}`);
}

function line(title, ...cells) {
  console.log(title.padEnd(14) + cells.map((cell) => cell.padStart(15)).join(''));
}

function note(text) {
  if (process.stderr.isTTY) console.error(text);
}

function save(result) {
  const folder = new URL('./results/', import.meta.url);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(new URL(`${options.save}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
}

// `node bench/wan.mjs [--quick] [--json] [--save NAME] [--only 0,0.1,1,shares] [--seed 1]`: a reliable flow and a TCP
// connection (CUBIC) between two hosts over one path of 100 Mbit/s, 40 ms and a queue of one product of both, for each
// share of packets lost at random (% each way), in interleaved rounds; and both at once on that path with no random
// loss: how they share it, and how two TCP connections do. Messages of 16 KiB; counted are bytes that the program at the
// other end got. Reported are medians over the rounds. Root on Linux.
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
const KINDS = ['flow', 'tcp'];
/** Two that share the path: in the order in which they begin, and how long after each other. The share is that of `of`. */
const FLOW_FIRST = { title: 'TCP 10 s later', kinds: ['flow', 'tcp'], apartS: 10, of: 'flow' };
const TCP_FIRST = { title: 'TCP 10 s after TCP', kinds: ['tcp', 'otherTcp'], apartS: 10, of: 'tcp' };
const PAIRS = [
  { title: 'at once', kinds: ['flow', 'tcp'], apartS: 0, of: 'flow' },
  { title: 'flow 10 s later', kinds: ['tcp', 'flow'], apartS: 10, of: 'flow' },
  FLOW_FIRST,
  TCP_FIRST,
];
/** Of a flow, beside the share that TCP keeps from a later TCP: medians of the same pair differ by so much. */
const LATER_TCP_RATIO_MAX = 1.1;
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
  if (parts.includes('shares')) result.shared = await shared();
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
      const { mbits, ...about } = await measure(plan.seconds, [kind]);
      await stop(kind);
      seen.push(about);
      rounds[kind].push(mbits[kind]);
      note(`${lossPct} % ${kind} ${mbits[kind].toFixed(2)} Mbit/s`);
    }
  }
  const [flow, tcp] = KINDS.map((kind) => median(rounds[kind]));
  return { lossPct, flow, tcp, ratio: flow / tcp, rounds, seen };
}

async function shared() {
  await hosts.relay.call('impair', PATH);
  const results = PAIRS.map((pair) => ({ ...pair, rounds: [], seen: [] }));
  for (let round = 0; round < plan.shareRounds; round++)
    for (const result of results) {
      const { mbits, ...about } = await share(result);
      result.rounds.push({
        mbits,
        share: mbits[result.of] / (mbits[result.kinds[0]] + mbits[result.kinds[1]]),
      });
      result.seen.push(about);
      note(`shared, ${result.title}: ${JSON.stringify(mbits)} Mbit/s`);
    }
  for (const result of results) result.share = median(result.rounds.map(({ share }) => share));
  return results;
}

async function share({ kinds: [first, second], apartS }) {
  await start(first);
  await sleep(1_000 * apartS);
  await start(second);
  await sleep(1_000 * plan.settleSeconds);
  const measured = await measure(plan.shareSeconds - plan.settleSeconds, [first, second]);
  for (const kind of [first, second]) await stop(kind);
  return measured;
}

async function start(kind) {
  await hosts.sender.call('start', kind, ADDRESSES.b, NAME);
}

async function stop(kind) {
  await hosts.sender.call('stop', kind);
  await sleep(QUIET_MS);
}

/** What each got meanwhile, Mbit/s; the state of the senders at the end; and what the path did. */
async function measure(seconds, kinds) {
  await hosts.relay.call('counts');
  const before = await hosts.receiver.call('received');
  await sleep(1_000 * seconds);
  const after = await hosts.receiver.call('received');
  const path = await hosts.relay.call('counts');
  const ms = after.atMs - before.atMs;
  const mbits = {};
  const states = {};
  for (const kind of kinds) {
    mbits[kind] = ((after[kind] - before[kind]) * 8) / (ms * 1_000);
    states[kind] = await stateOf(kind);
  }
  return { mbits, states, path };
}

async function stateOf(kind) {
  if (kind === 'flow') return hosts.sender.call('inspect', kind);
  const state = hosts.tcpState();
  if (!/\bcubic\b/.test(state)) throw new Error(`TCP does not use CUBIC: ${state}`);
  return state;
}

function goals({ alone: rows, shared: sharings }) {
  const row = rows.find(({ lossPct }) => lossPct === 1);
  const list = [];
  if (row !== undefined) list.push(['goodput at 1 % loss / TCP', row.ratio, '>= 1.5', row.ratio >= 1.5]);
  for (const { title, share } of sharings.filter(({ of }) => of === 'flow'))
    list.push([`share beside TCP, ${title}`, share, '0.35 to 0.65', share >= 0.35 && share <= 0.65]);
  if (sharings.length > 0) {
    const shareOf = (pair) => sharings.find(({ title }) => title === pair.title).share;
    const ratio = shareOf(FLOW_FIRST) / shareOf(TCP_FIRST);
    const pass = ratio <= LATER_TCP_RATIO_MAX;
    list.push([`share, ${FLOW_FIRST.title} / ${TCP_FIRST.title}`, ratio, `<= ${LATER_TCP_RATIO_MAX}`, pass]);
  }
  return list.map(([name, value, bound, pass]) => ({ name, value, bound, pass }));
}

function print({ alone: rows, shared: sharings, goals: reached, system: { loadBefore } }) {
  console.log(`load before: ${loadBefore.toFixed(1)}`);
  const fixed = (value) => value.toFixed(2);
  const spread = (values) => `${fixed(Math.min(...values))}-${fixed(Math.max(...values))}`;
  if (rows.length > 0) line('Mbit/s', 'flow', 'least-most', 'TCP', 'least-most', 'ratio');
  for (const { lossPct, flow, tcp, ratio, rounds } of rows)
    line(`${lossPct} % loss`, fixed(flow), spread(rounds.flow), fixed(tcp), spread(rounds.tcp), fixed(ratio));
  const late = [...rows, ...sharings].flatMap(({ seen }) => seen).map(({ path }) => path.late.meanUs);
  console.log(`packets left the path late by ${Math.round(median(late))} us`);
  for (const { title, kinds, rounds } of sharings) {
    const each = rounds.map(
      ({ mbits, share }) => `${kinds.map((kind) => fixed(mbits[kind])).join('+')} (${fixed(share)})`,
    );
    const named = kinds.map((kind) => (kind === 'flow' ? 'flow' : 'TCP')).join(' + ');
    console.log(`shared, ${title}: ${named}, Mbit/s (share): ${each.join('  ')}`);
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

// `npm run acceptance -- [--trials 200] [--cycles 1000] [--clients 64] [--channel shm|unix] [--only ends,late,crowd,kills,net,proxied]
// [--scenarios N1,K3] [--scenario-trials 5] [--requests 20000] [--json FILE]`:
// the scenarios of test/scenarios at full size, measured against what the runtime promises. Exit code 1 when one fails.
import fs from 'node:fs';
import { register } from 'node:module';
import { parseArgs } from 'node:util';
import { crowd } from '../test/scenarios/crowd.mjs';
import { endOfFlow } from '../test/scenarios/end-of-flow.mjs';
import { killCycles } from '../test/scenarios/kill-cycles.mjs';
import { lateReplies } from '../test/scenarios/late-replies.mjs';
import { startPrivateDaemon } from '../test/scenarios/private-daemon.mjs';
import { until } from '../test/scenarios/until.mjs';

const LAYER = 'acceptance';
const ENDS_P99_MAX_MS = 100;
const THINK_TIMES_MS = [0, 5, 12, 50, 100, 1_000, 10_000];
/** Over the second half of the cycles, in which every pool and code cache has its size. */
const MEMORY_SLOPE_MAX_KB = 1;
const TELLS_MEMORY = ['--expose-gc', '--import', new URL('./memory-on-signal.mjs', import.meta.url).href];
const PATHS = [
  { path: 'direct', via: {} },
  { path: 'layer', via: { layer: LAYER } },
];
const PARTS = { ends, late, crowd: clients, kills, net, proxied };
/** Two hosts in namespaces need root, and hours. */
const DEFAULT_PARTS = ['ends', 'late', 'crowd', 'kills'];

const { values: options } = parseArgs({
  options: {
    trials: { type: 'string', default: '200' },
    cycles: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '64' },
    channel: { type: 'string' },
    only: { type: 'string', default: DEFAULT_PARTS.join(',') },
    requests: { type: 'string', default: '20000' },
    scenarios: { type: 'string' },
    'scenario-trials': { type: 'string' },
    json: { type: 'string' },
  },
});
const results = [];
const parts = options.only.split(',');
// Each of two hosts has a daemon of its own.
const isOneHost = parts.some((part) => !['net', 'proxied'].includes(part));
const daemon = isOneHost ? await startPrivateDaemon({ channel: options.channel, layer: LAYER }) : null;
try {
  for (const part of parts) await PARTS[part]();
} finally {
  await daemon?.stop();
}
if (options.json !== undefined) {
  fs.writeFileSync(options.json, `${JSON.stringify({ options, node: process.version, results }, null, 1)}\n`);
}
const failed = results.filter(({ ok }) => !ok).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function ends() {
  console.log(`\nEnd of a blocked read, ${options.trials} trials each: ms from the cause to the end`);
  for (const { path, via } of PATHS)
    for (const qos of ['raw', 'data'])
      for (const cause of ['dealloc', 'kill']) await endsOf({ path, via, qos, cause });
}

async function endsOf({ path, via, qos, cause }) {
  const rows = await endOfFlow({ daemon, qos, cause, trials: Number(options.trials), ...via });
  const times = quantiles(rows.map(({ ms }) => ms));
  const wanted = cause === 'kill' ? 'FLOWRING_PEER_GONE' : null;
  const wrong = rows.filter(({ first, end }) => first !== 'last words' || end !== wanted).length;
  judge(`ends: ${path} ${qos} ${cause}`, wrong === 0 && times.p99 <= ENDS_P99_MAX_MS, { ...times, wrong });
}

async function late() {
  console.log('\nLate replies on a reliable flow: round trips in ms');
  for (const { path, via } of PATHS) {
    const rows = await lateReplies({ daemon, thinkTimesMs: THINK_TIMES_MS, ...via });
    for (const { thinkMs, reply, ms } of rows)
      judge(`late: ${path} ${thinkMs} ms`, reply === `thought for ${thinkMs} ms`, { ms, reply });
  }
}

async function clients() {
  console.log(`\n${options.clients} client processes at once, one server`);
  for (const flowsEach of [1, 4]) {
    const began = performance.now();
    const outcomes = await crowd({ daemon, clients: Number(options.clients), flowsEach });
    const bad = outcomes.filter((outcome) => outcome !== 'ok');
    judge(`crowd: ${flowsEach} flows each`, bad.length === 0, {
      flows: outcomes.length,
      bad: bad.length,
      codes: [...new Set(bad)],
      secondsWithStart: (performance.now() - began) / 1_000,
    });
  }
}

async function kills() {
  const cycles = Number(options.cycles);
  console.log(`\n${cycles} cycles of kill -9 at a random moment`);
  const memory = [];
  const every = Math.max(1, Math.floor(cycles / 20));
  const daemon = await startPrivateDaemon({ channel: options.channel, nodeOptions: TELLS_MEMORY });
  const { before, after } = await killCycles({
    daemon,
    cycles,
    onCycle: async (n) => {
      if (n % every !== 0) return;
      memory.push([n, await memoryInUseKb(daemon)]);
      console.log(`  ${n} cycles: the daemon uses ${memory.at(-1)[1].toFixed(0)} KiB`);
    },
  }).finally(() => daemon.stop());
  for (const what of ['descriptors', 'directory', 'sharedMemory']) {
    const isEqual = JSON.stringify(before[what]) === JSON.stringify(after[what]);
    judge(`kills: ${what}`, isEqual, { before: before[what], after: after[what] });
  }
  const slopeKb = slope(memory.slice(Math.floor(memory.length / 2)));
  judge('kills: memory of the daemon', slopeKb <= MEMORY_SLOPE_MAX_KB, {
    firstKb: memory[0][1],
    lastKb: memory.at(-1)[1],
    slopeKbPerCycle: slopeKb,
    allKbPerCycle: slope(memory),
  });
}

/** The tables of faults, between two hosts in network namespaces. */
async function net() {
  register('../scripts/typescript-hooks.mjs', import.meta.url);
  const { runScenarios } = await import('../test/netns/scenarios/command.ts');
  const trials = options['scenario-trials'];
  await runScenarios(judge, {
    ids: options.scenarios?.split(','),
    trials: trials === undefined ? undefined : Number(trials),
  });
}

/** Programs that know nothing of flows, between the two hosts. */
async function proxied() {
  register('../scripts/typescript-hooks.mjs', import.meta.url);
  const { runProxied } = await import('../test/netns/proxied/command.ts');
  await runProxied(judge, { redisRequests: Number(options.requests), pgbenchSeconds: 10 });
}

function judge(name, ok, figures) {
  results.push({ name, ok, ...figures });
  const text = Object.entries(figures).map(([key, value]) => `${key} ${shown(value)}`);
  console.log(`${ok ? 'PASS' : 'FAIL'} ${name.padEnd(30)} ${text.join('  ')}`);
}

function shown(value) {
  if (typeof value === 'number' && !Number.isInteger(value)) return value.toFixed(2);
  return Array.isArray(value) ? `[${value.join(' ')}]` : String(value);
}

function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) };
}

/** Of the line through points by least squares. */
function slope(points) {
  const mean = (k) => points.reduce((sum, point) => sum + point[k], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

/** After a collection; see memory-on-signal.mjs. */
async function memoryInUseKb({ pid, log }) {
  const told = () =>
    [...log.join('').matchAll(/memory in use: (\d+) bytes/g)].map(([, bytes]) => Number(bytes));
  const before = told().length;
  process.kill(pid, 'SIGUSR2');
  await until(() => told().length > before, 'the daemon says what memory it uses');
  return told().at(-1) / 1_024;
}

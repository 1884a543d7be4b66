// `npm run bench -- [--quick] [--save NAME] [--only raw,unix] [--crowd]`: our flows and their peers, in one run, in
// interleaved rounds. `--only KEY,KEY`: some subjects, and no goals. `--crowd`: no rounds, only what many links cost.
// Every end is a process of its own. Reported are medians over the rounds, and ratios of these medians.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { crowd } from './crowd.mjs';
import { startDaemon } from './daemon.mjs';
import { goals } from './goals.mjs';
import { printTables } from './report.mjs';
import { medianOf } from './statistics.mjs';
import { startSubject } from './subject.mjs';
import { subjects } from './subjects.mjs';
import { system } from './system.mjs';

const SIZES = [64, 1_400, 16_384];
/** For each of a pair of the busy link with and without idle ones beside it. */
const PAIR_MS = 120;
const CROWDED = ['raw', 'reliable', 'unix'];
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    save: { type: 'string' },
    only: { type: 'string' },
    crowd: { type: 'boolean' },
  },
});
const plan = options.quick
  ? { rounds: 3, roundTrips: 3_000, oneWayMs: 200, cycles: 100, links: [1, 100, 1_000], pairs: 5 }
  : { rounds: 5, roundTrips: 20_000, oneWayMs: 600, cycles: 400, links: [1, 100, 10_000], pairs: 25 };

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-bench-'));
const all = chosen(subjects(dir));
const daemon = await startDaemon(dir);
try {
  const measured = options.crowd ? await measureCrowds() : await measureRounds();
  if (options.only !== undefined || options.crowd) console.log(JSON.stringify(measured, null, 1));
  else await finish(measured);
} finally {
  await daemon.stop();
  fs.rmSync(dir, { recursive: true, force: true });
}

function chosen(every) {
  if (options.only === undefined) return every;
  return Object.fromEntries(options.only.split(',').map((key) => [key, every[key]]));
}

async function finish(measured) {
  const crowds = await measureCrowds();
  const titles = Object.fromEntries(Object.entries(all).map(([key, { title }]) => [key, title]));
  const result = { ...measured, crowds };
  const reached = goals(result);
  printTables({ titles, ...result, goals: reached });
  save({ system: system(), plan, titles, ...result, goals: reached });
}

async function measureRounds() {
  const running = {};
  const samples = {};
  for (const [key, description] of Object.entries(all)) {
    running[key] = await startSubject(description, daemon.env);
    samples[key] = { latency: [], cycles: [], rates: Object.fromEntries(SIZES.map((size) => [size, []])) };
  }
  for (let round = 1; round <= plan.rounds; round++) {
    console.log(`round ${round} of ${plan.rounds}`);
    for (const key of Object.keys(all)) await measureOnce(all[key], running[key], samples[key]);
  }
  for (const subject of Object.values(running)) await subject.stop();
  return medians(samples);
}

async function measureOnce(description, subject, samples) {
  const warmUp = plan.roundTrips / 10;
  samples.latency.push(await subject.call('roundTrip', { sizeBytes: 64, count: plan.roundTrips, warmUp }));
  for (const sizeBytes of SIZES) {
    samples.rates[sizeBytes].push(await subject.call('oneWay', { sizeBytes, ms: plan.oneWayMs }));
  }
  // The channel of a child process exists with the process: there is nothing to connect.
  if (description.module === 'child-ipc') return;
  samples.cycles.push(await subject.call('connectEchoClose', { count: plan.cycles, warmUp: 20 }));
}

function medians(samples) {
  const each = (pick) =>
    Object.fromEntries(
      Object.entries(samples)
        .filter(([, sample]) => sample.cycles.length > 0 || pick !== cyclesOf)
        .map(([key, sample]) => [key, pick(sample)]),
    );
  return { latency: each(latencyOf), rates: each(ratesOf), cycles: each(cyclesOf) };
}

function latencyOf({ latency }) {
  return medianOf(latency);
}

function ratesOf({ rates }) {
  return Object.fromEntries(SIZES.map((size) => [size, medianOf(rates[size])]));
}

function cyclesOf({ cycles }) {
  return medianOf(cycles);
}

async function measureCrowds() {
  const crowds = {};
  for (const key of CROWDED.filter((each) => each in all)) {
    console.log(`crowd: ${all[key].title}`);
    const isOurs = all[key].module === 'flow';
    crowds[key] = await crowd({
      crowded: { ...all[key], serve: renamed(all[key].serve, 'crowd') },
      quiet: { ...all[key], serve: renamed(all[key].serve, 'quiet') },
      env: daemon.env,
      counts: plan.links,
      daemonPid: isOurs ? daemon.pid : undefined,
      busyMs: PAIR_MS,
      pairs: plan.pairs,
    });
  }
  return crowds;
}

/** The crowd's servers are others than those of the rounds, and of the kind that holds many. */
function renamed({ name, path: socket }, end) {
  return name === undefined ? { path: `${socket}.${end}` } : { name: `${name}-${end}`, inSet: true };
}

function save(result) {
  const name = options.save === undefined ? 'latest.local' : options.save;
  const folder = new URL('./results/', import.meta.url);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\nwritten: bench/results/${name}.json`);
}

// Goodput over a simulated bottleneck beside a model of TCP CUBIC, on the same seeds:
// `node packages/frcp/bench/goodput.mjs [--seconds 60] [--seeds 5] [--queue 1] [--late 1000] [--no-shares]`. Needs no build.
import { register } from 'node:module';
import { parseArgs } from 'node:util';

register('../../../scripts/typescript-hooks.mjs', import.meta.url);
const { goodputMbits, shares } = await import('../test/goodput.ts');
const { jain } = await import('../test/bottleneck.ts');

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seeds: { type: 'string', default: '5' },
    queue: { type: 'string', default: '1' },
    late: { type: 'string', default: '1000' },
    shares: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, n) => n + 1);
const base = {
  bitsPerSecond: 100e6,
  rttUs: 40_000,
  queue: Number(values.queue),
  seconds: Number(values.seconds),
  lateUs: Number(values.late),
};
const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
const fixed = (value) => value.toFixed(2).padStart(7);

console.log(
  `100 Mbit/s, 40 ms, queue ${values.queue} x bandwidth x RTT, ${values.seconds} s, ${values.seeds} seeds, Mbit/s`,
);
console.log('loss %    ours     TCP   ratio   lowest of a seed');
for (const lossRate of [0, 0.001, 0.01, 0.02]) {
  const runs = seeds.map((seed) => {
    const scenario = { ...base, lossRate, seed };
    return { ours: goodputMbits('frcp', scenario), tcp: goodputMbits('tcp', scenario) };
  });
  const ours = mean(runs.map((run) => run.ours));
  const tcp = mean(runs.map((run) => run.tcp));
  const lowest = Math.min(...runs.map((run) => run.ours / run.tcp));
  console.log(
    `${fixed(lossRate * 100)} ${fixed(ours)} ${fixed(tcp)}   ${(ours / tcp).toFixed(4)}   ${lowest.toFixed(4)}`,
  );
}
if (values.shares) {
  console.log('\nTwo flows share it, Mbit/s each and Jain index from the given time on');
  for (const [name, kinds, starts, from] of [
    ['ours, at once', ['frcp', 'frcp'], [0, 0], 10],
    ['ours, 10 s apart', ['frcp', 'frcp'], [0, 10], 40],
    ['ours and TCP', ['frcp', 'tcp'], [0, 0], 10],
    ['TCP, 10 s apart', ['tcp', 'tcp'], [0, 10], 40],
  ]) {
    for (const seed of seeds.slice(0, 2)) {
      const got = shares(kinds, starts, from, { ...base, seconds: 120, lossRate: 0, seed });
      console.log(`${name.padEnd(18)} seed ${seed}: ${got.map(fixed).join(' ')}  ${jain(got).toFixed(4)}`);
    }
  }
}

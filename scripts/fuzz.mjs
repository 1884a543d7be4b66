// Coverage-guided fuzzing; docs/FUZZING.md. Runs the sources, without a build.
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run fuzz -- --target NAME [--seconds 60] [--runs N] [--seed 1] [--blind] [--json]
       npm run fuzz -- --list
       npm run fuzz -- --target NAME --distil          rewrite the kept corpus, as few and short as it goes
       npm run fuzz -- --target NAME --minimize FILE   make the failing inputs of a file shorter`;

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
register('../test/fuzz/engine/loader.mjs', import.meta.url, { data: { root } });
const { Probes } = await import('../test/fuzz/engine/probes.ts');
const probes = new Probes();
globalThis.__fuzz = probes;
const { TARGETS, loadTarget } = await import('../test/fuzz/targets.ts');
const { Fuzzer, kindOf } = await import('../test/fuzz/engine/fuzzer.ts');
const { readCorpus, readInputs, writeCoverage, writeFinding } =
  await import('../test/fuzz/engine/corpus-files.ts');

const { values: options } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    runs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    minimize: { type: 'string' },
    distil: { type: 'boolean', default: false },
    blind: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

if (options.list) await list();
else if (options.target === undefined || !(options.target in TARGETS)) {
  console.error(USAGE);
  process.exitCode = 2;
} else await fuzz(await loadTarget(options.target));

async function list() {
  for (const name of Object.keys(TARGETS))
    console.log(`${name.padEnd(16)} ${(await loadTarget(name)).about}`);
}

async function fuzz(target) {
  const fuzzer = new Fuzzer(target, probes, { seed: Number(options.seed), isBlind: options.blind });
  if (options.minimize !== undefined) return minimize(target, fuzzer);
  const kept = options.fresh || options.blind ? [] : readCorpus(target).map(({ bytes }) => bytes);
  await fuzzer.begin([...target.seeds, ...kept]);
  if (!options.distil) await search(target, fuzzer);
  if (!options.blind && !options.fresh) writeCoverage(target, await fuzzer.distil());
  report(target, fuzzer);
}

async function search(target, fuzzer) {
  const began = performance.now();
  const endAt = began + Number(options.seconds) * 1_000;
  let shownAt = began;
  while (performance.now() < endAt && fuzzer.runs < Number(options.runs)) {
    await fuzzer.burst();
    if (options.json || performance.now() - shownAt < 5_000) continue;
    shownAt = performance.now();
    const perSecond = Math.round(fuzzer.runs / ((shownAt - began) / 1_000));
    console.log(
      `${target.name}: ${fuzzer.runs} runs, ${perSecond}/s, ${probes.covered} of ${probes.used} branches, ` +
        `${fuzzer.corpus.length} kept, ${fuzzer.findings.size} failures`,
    );
  }
}

function report(target, fuzzer) {
  const failures = [...fuzzer.findings].map(([kind, { input, error }]) => ({
    kind,
    file: writeFinding(target, input, error),
    stack: error.stack,
  }));
  const { runs, curve } = fuzzer;
  const summary = { target: target.name, seed: options.seed, runs, covered: probes.covered, of: probes.used };
  if (options.json) console.log(JSON.stringify({ ...summary, kept: fuzzer.corpus.length, failures, curve }));
  else {
    for (const { file, stack } of failures) console.log(`\nFAILED, kept as ${target.name}/${file}\n${stack}`);
    console.log(
      `${target.name}: ${runs} runs, ${summary.covered} of ${summary.of} branches, ${failures.length} failures`,
    );
  }
  if (failures.length > 0) process.exitCode = 1;
}

async function minimize(target, fuzzer) {
  for (const input of readInputs(options.minimize)) {
    const error = await fuzzer.execute(input);
    if (error === null) console.log('# does not fail');
    else {
      const short = await fuzzer.minimize(input, error);
      console.log(`# ${kindOf(error)}\n${Buffer.from(short).toString('hex') || '-'}`);
    }
  }
}

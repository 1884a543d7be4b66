#!/usr/bin/env node
// Throughput and latency of a flow, in one or both directions.
import { Command, InvalidArgumentError, Option } from 'commander';
import { duration, failWith, qosByName, wholeNumber } from './console.ts';
import type { PerfOptions } from './operf-client.ts';
import { measure } from './operf-client.ts';
import { servePerf } from './operf-server.ts';

const options = new Command('operf')
  .description('Measures throughput and latency to an operf server.')
  .option('-l, --listen', 'be the server')
  .option('-n, --server-name <name>', 'name of the server', 'operf')
  .addOption(
    new Option('-t, --test <kind>', 'what to measure').choices(['uni', 'bi', 'latency']).default('uni'),
  )
  .option('-d, --duration <time>', 'how long, per size', duration('s'), 10_000)
  .option('-s, --size <bytes>', 'message sizes, comma-separated, 64 to 1048576', sizes, [1_500])
  .option('-r, --rate <rate>', 'bits per second, with k, M or G; a bare number is in k', bitRate)
  .option('-q, --qos <name>', 'raw, best, video, voice or data', qosByName, 'raw')
  .option('--layer <layer>', 'allocate through this layer')
  .option('--json', 'print one JSON object per size')
  .parse()
  .opts<PerfOptions & { readonly listen?: true; readonly serverName: string }>();

try {
  await (options.listen === true ? servePerf(options.serverName) : measure(options));
} catch (error) {
  failWith(error);
}

function sizes(text: string): number[] {
  return text.split(',').map(wholeNumber(64, 1_048_576));
}

function bitRate(text: string): number {
  const [, number, unit = 'k'] = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('A rate is a number with k, M or G.');
  return Number(number) * { k: 1e3, M: 1e6, G: 1e9 }[(unit === '' ? 'k' : unit) as 'k' | 'M' | 'G'];
}

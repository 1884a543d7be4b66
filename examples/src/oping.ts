#!/usr/bin/env node
// Round trip times and loss to a ping server, with the options and the output of O7s's oping.
import { Command, Option } from 'commander';
import { duration, failWith, qosByName, wholeNumber } from './console.ts';
import type { PingOptions } from './oping-client.ts';
import { ping } from './oping-client.ts';
import { servePings } from './oping-server.ts';

const options = new Command('oping')
  .description('Checks if a name answers, and how fast.')
  .option('-l, --listen', 'be the server')
  .requiredOption('-n, --server-name <name>', 'name of the server')
  .option('-c, --count <n>', 'number of packets', wholeNumber(1, 2 ** 31 - 1))
  .addOption(new Option('-d, --duration <time>', 'how long').argParser(duration('s')).conflicts('count'))
  .option('-i, --interval <time>', 'time between packets', duration('ms'), 1_000)
  .option('-s, --size <bytes>', 'bytes of a packet, 64 to 1500', wholeNumber(64, 1_500), 64)
  .option('-q, --qos <name>', 'raw, best, video, voice or data', qosByName, 'raw')
  .option('--layer <layer>', 'allocate through this layer')
  .option('-f, --flood', 'send the next packet as soon as a reply came')
  .option('-Q, --quiet', 'print the statistics only')
  .option('-D, --timeofday', 'print the time in front of each line')
  .parse()
  .opts<PingOptions & { readonly listen?: true }>();

try {
  await (options.listen === true ? servePings(options) : ping(options));
} catch (error) {
  failWith(error);
}

#!/usr/bin/env node
// TCP over flows, for programs that know nothing of flows:  TCP client -- listen == flow == serve -- TCP server
import { Command, InvalidArgumentError, Option } from 'commander';
import type { QosSpec } from '@flowring/libdev';
import { qosCubes, shutdown } from '@flowring/libdev';
import { duration, failWith, qosByName, wholeNumber } from './console.ts';
import type { Report } from './oproxy-connections.ts';
import { Connections } from './oproxy-connections.ts';
import type { Endpoint, ListenOptions, ServeOptions } from './oproxy-run.ts';
import { listen, serve } from './oproxy-run.ts';

interface CommonOptions {
  readonly maxConnections: number;
  readonly drainTimeout: number;
  readonly json?: true;
}

const EXIT = { failed: 1, wrongUsage: 2, cut: 3 } as const;

const program = new Command('oproxy')
  .description('Carries TCP connections over reliable flows, one flow for each.')
  .exitOverride((end) => process.exit(end.exitCode === 0 ? 0 : EXIT.wrongUsage));

const timeout = (flag: string, description: string): Option =>
  new Option(flag, description).argParser(duration('s')).default(10_000, '10s');

const command = (usage: string, description: string): Command =>
  program
    .command(usage)
    .description(description)
    .option('--max-connections <n>', 'connections at once', wholeNumber(1, 65_535), 4_096)
    .addOption(timeout('--drain-timeout <time>', 'after SIGTERM: how long open connections may take'))
    .option('--json', 'print one JSON object per event');

command('listen <[host:]port> <name>', 'Accepts TCP connections and allocates a flow to NAME for each.')
  .option('--bind <address>', 'local address to listen at, when no host is given', '127.0.0.1')
  .addOption(
    new Option('-q, --qos <cube>', 'a reliable cube; fields may follow: data,timeout=3000')
      .argParser(reliableQos)
      .default(qosCubes.data, 'data'),
  )
  .option('--layer <layer>', 'allocate through this layer')
  .action((where: string, name: string, options: ListenOptions & CommonOptions) =>
    run(listen(endpoint(where), name, options), options),
  );

command('serve <name> <[host:]port>', 'Accepts flows to NAME and connects each to the TCP server.')
  .option('--bind <address>', 'local address of the TCP connections')
  .addOption(timeout('--connect-timeout <time>', 'how long the server may take to answer'))
  .action((name: string, where: string, options: ServeOptions & CommonOptions) =>
    run(serve(name, endpoint(where), options), options),
  );

try {
  await program.parseAsync();
} catch (error) {
  failWith(error);
}

/** Accepts until SIGINT or SIGTERM, then lets open connections end; a second signal cuts them. */
async function run(accepting: ReturnType<typeof listen>, options: CommonOptions): Promise<void> {
  const report: Report = (event, fields) => {
    console.log(options.json === true ? JSON.stringify({ event, ...fields }) : asLine(event, fields));
  };
  const connections = new Connections(options.maxConnections, report);
  let cut = 0;
  const cutAll = (): void => {
    cut += connections.cut();
  };
  const stopping = new AbortController();
  const onSignal = (): void => {
    if (stopping.signal.aborted) cutAll();
    stopping.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  await accepting(connections, report, stopping.signal);
  report('draining', { open: connections.size });
  const patience = setTimeout(cutAll, options.drainTimeout);
  await connections.empty();
  clearTimeout(patience);
  await shutdown();
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  report('stopped', { served: connections.started, cut });
  if (cut > 0) process.exitCode = EXIT.cut;
}

function asLine(event: string, fields: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
  return [event, ...pairs].join(' ');
}

/** `8080`, `host:8080`, `[::1]:8080`. */
function endpoint(text: string): Endpoint {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits ?? NaN);
  if (!(port <= 65_535)) program.error(`error: '${text}' is no port and no HOST:PORT.`);
  return { host: bracketed ?? plain, port };
}

/** A cube by its name, with fields set to other values. Bytes lost by the flow would be lost from the stream. */
function reliableQos(text: string): QosSpec {
  const [cube, ...settings] = text.split(',');
  const qos: Record<keyof QosSpec, number> = { ...qosCubes[qosByName(cube!)] };
  for (const setting of settings) {
    const [field, value] = setting.split('=') as [keyof QosSpec, string];
    if (!Object.hasOwn(qos, field))
      throw new InvalidArgumentError(`Fields are ${Object.keys(qos).join(', ')}.`);
    qos[field] = wholeNumber(0, 2 ** 32 - 1)(value);
  }
  if (qos.loss === 0 && qos.inOrder === 1) return qos as QosSpec;
  throw new InvalidArgumentError('A byte stream needs a reliable flow: loss=0 and inOrder=1.');
}

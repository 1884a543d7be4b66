import path from 'node:path';
import { until } from '../../scenarios/until.mjs';
import type { Judge } from '../scenarios/command.ts';
import { FlowHosts, LAYER } from '../support/flow-hosts.ts';
import { whyNoNamespaces } from '../support/network-namespace.ts';
import { missingPrograms, startPostgres, startRedis, type TcpServer } from './servers.ts';
import { StartedCommand } from './started-command.ts';

const OPROXY = path.resolve(import.meta.dirname, '../../../examples/dist/oproxy.js');
const LOSS_PCT = 1;
const PROXY_PORT = 7_000;

interface Sizes {
  readonly redisRequests: number;
  readonly pgbenchSeconds: number;
}

/** What a benchmark says of itself: operations a second, by test; or that it failed. */
type Rates = Readonly<Record<string, number>>;

/** Programs that know nothing of flows, between two hosts at 1 % loss each way: through oproxy, and by TCP. */
export async function runProxied(judge: Judge, sizes: Sizes): Promise<void> {
  const why = whyNoNamespaces() ?? (missingPrograms().join(' ') || null);
  if (why !== null) throw new Error(`not possible here: ${why}`);
  const on = await FlowHosts.joined();
  try {
    for (const side of ['a', 'b'] as const) on.hosts.faults(side, { lossPct: LOSS_PCT });
    await compare(judge, on, 'redis', startRedis, (address, port) => redis(on, address, port, sizes));
    await compare(judge, on, 'postgres', startPostgres, (address, port) => pgbench(on, address, port, sizes));
  } finally {
    await on.stop();
  }
}

async function compare(
  judge: Judge,
  on: FlowHosts,
  name: 'redis' | 'postgres',
  start: (host: FlowHosts['hosts']['b']) => Promise<TcpServer>,
  benchmark: (address: string, port: number) => Promise<Rates>,
): Promise<void> {
  console.log(`\n${name}: operations a second at ${LOSS_PCT} % loss each way, by TCP and through oproxy`);
  const server = await start(on.hosts.b);
  const env = (side: 'a' | 'b'): NodeJS.ProcessEnv => on.daemon(side).env;
  const oproxy = [process.execPath, OPROXY];
  const serve = new StartedCommand(
    on.hosts.b,
    [...oproxy, 'serve', name, `127.0.0.1:${server.port}`],
    env('b'),
  );
  const listenArgs = ['listen', `127.0.0.1:${PROXY_PORT}`, name, '--layer', LAYER];
  const listen = new StartedCommand(on.hosts.a, [...oproxy, ...listenArgs], env('a'));
  try {
    await until(() => serve.output.includes('\n') && listen.output.includes('\n'), 'oproxy runs');
    const direct = await benchmark(on.hosts.addresses.a.peer, server.port);
    const proxied = await benchmark('127.0.0.1', PROXY_PORT);
    const figures = Object.keys(direct).flatMap((test) => [
      [`${test} tcp`, direct[test]!],
      [`${test} flow`, proxied[test] ?? 0],
    ]);
    const failures = [...`${serve.output}${listen.output}`.matchAll(/^failed .*$/gm)].length;
    const ok = failures === 0 && Object.keys(direct).every((test) => (proxied[test] ?? 0) > 0);
    judge(`proxied: ${name}`, ok, { ...Object.fromEntries(figures), failures });
  } catch (error) {
    judge(`proxied: ${name}`, false, { error: String(error), oproxy: `${serve.output}${listen.output}` });
  } finally {
    await listen.stop();
    await serve.stop();
    await server.stop();
  }
}

async function redis(on: FlowHosts, address: string, port: number, { redisRequests }: Sizes): Promise<Rates> {
  const args = ['-h', address, '-p', `${port}`, '-n', `${redisRequests}`, '-c', '20', '-d', '256', '--csv'];
  const output = await new StartedCommand(on.hosts.a, [
    'redis-benchmark',
    ...args,
    '-t',
    'ping_mbulk,set,get,lrange_100',
  ]).succeeds();
  if (/error/i.test(output)) throw new Error(output);
  const rows = [...output.matchAll(/^"([^"]+)","([\d.]+)"/gm)];
  return Object.fromEntries(rows.map(([, test, rate]) => [test!, Number(rate)]));
}

async function pgbench(
  on: FlowHosts,
  address: string,
  port: number,
  { pgbenchSeconds }: Sizes,
): Promise<Rates> {
  const rates: Record<string, number> = {};
  for (const [test, kind] of [
    ['select', ['-S']],
    ['transactions', []],
  ] as const) {
    const args = [
      '-h',
      address,
      '-p',
      `${port}`,
      '-U',
      'postgres',
      '-T',
      `${pgbenchSeconds}`,
      '-c',
      '8',
      ...kind,
    ];
    const output = await new StartedCommand(on.hosts.a, ['pgbench', '-n', ...args, 'postgres']).succeeds();
    if (!output.includes('failed transactions: 0 ') || output.includes('aborted')) throw new Error(output);
    rates[test] = Number(/tps = ([\d.]+)/.exec(output)![1]);
  }
  return rates;
}

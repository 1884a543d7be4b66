import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../scenarios/until.mjs';
import type { NetworkNamespace } from '../support/network-namespace.ts';
import { StartedCommand } from './started-command.ts';

/** A TCP server on a host, in a folder of its own. */
export interface TcpServer {
  readonly port: number;
  stop(): Promise<void>;
}

const REDIS_PORT = 6_379;
const POSTGRES_PORT = 5_433;
/** Rows of pgbench's largest table, in units of 100,000. */
const PGBENCH_SCALE = 1;

/** Debian keeps the server's programs in a folder of its version. */
function postgresPrograms(): string {
  const root = '/usr/lib/postgresql';
  const versions = fs.existsSync(root) ? fs.readdirSync(root).sort() : [];
  return path.join(root, versions.at(-1) ?? '', 'bin');
}

/** What has to be installed for a server and its benchmark. */
export function missingPrograms(): string[] {
  const programs = ['redis-server', 'redis-benchmark', 'pgbench', path.join(postgresPrograms(), 'initdb')];
  return programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);
}

export async function startRedis(host: NetworkNamespace): Promise<TcpServer> {
  const settings = { port: REDIS_PORT, bind: '0.0.0.0', 'protected-mode': 'no', save: '', appendonly: 'no' };
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const server = new StartedCommand(host, ['redis-server', ...args]);
  await until(() => server.output.includes('Ready to accept connections'), 'redis accepts');
  return { port: REDIS_PORT, stop: () => server.stop() };
}

export async function startPostgres(host: NetworkNamespace): Promise<TcpServer> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-postgres-'));
  // It refuses to run as root.
  spawnSync('chown', ['postgres', folder]);
  const asOwner = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'];
  const programs = postgresPrograms();
  const data = path.join(folder, 'data');
  const initdb = [path.join(programs, 'initdb'), '-D', data, '--auth=trust', '--no-sync'];
  await new StartedCommand(host, [...asOwner, ...initdb]).succeeds();
  fs.appendFileSync(path.join(data, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n');
  const settings = {
    port: POSTGRES_PORT,
    listen_addresses: '*',
    unix_socket_directories: folder,
    fsync: 'off',
  };
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const server = new StartedCommand(host, [...asOwner, path.join(programs, 'postgres'), '-D', data, ...args]);
  await until(() => server.output.includes('ready to accept connections'), 'postgres accepts', {
    deadlineMs: 60_000,
  });
  const fill = ['pgbench', '-i', '-q', '-s', `${PGBENCH_SCALE}`, '-U', 'postgres', '-p', `${POSTGRES_PORT}`];
  await new StartedCommand(host, [...fill, '-h', '127.0.0.1', 'postgres']).succeeds();
  return {
    port: POSTGRES_PORT,
    async stop() {
      await server.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

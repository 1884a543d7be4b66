// A private IRM daemon in its own runtime directory, for one scenario; nothing of it is left after stop().
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const IRMD = path.join(ROOT, 'packages/irmd/dist/bin/irmd.js');
const IRM = path.join(ROOT, 'packages/irmd/dist/bin/irm.js');

/**
 * Starts a daemon. `channel` ('shm' or 'unix') forces the data path of everything started with `env`;
 * `layer` also brings up a local layer of that name; `dir` takes over the directory of a killed daemon; `entry` stands
 * before the command (see remote-program.mjs); `nodeOptions` are Node's for the daemon.
 *
 * @param {{ channel?: 'shm' | 'unix', layer?: string, dir?: string, entry?: readonly string[], nodeOptions?: readonly string[] }} options
 */
export async function startPrivateDaemon({ channel, layer, dir: given, entry = [], nodeOptions = [] } = {}) {
  const dir = given ?? fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-test-'));
  const env = { ...process.env, FLOWRING_DIR: dir, FLOWRING_AUTOSTART: '0' };
  delete env['NODE_OPTIONS'];
  if (channel !== undefined) env['FLOWRING_CHANNEL'] = channel;
  const log = [];
  const [command, ...args] = [...entry, process.execPath, ...nodeOptions, IRMD];
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => log.push(String(chunk)));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));

  const irm = (...args) => run(process.execPath, [IRM, ...args], env);
  const irmJson = async (...args) => JSON.parse((await irm(...args, '--json')).stdout);
  const daemon = {
    dir,
    env,
    pid: child.pid,
    log,
    irm,
    irmJson,
    exited,
    /** Ends the daemon and returns how it exited. */
    async stop() {
      child.kill('SIGTERM');
      const how = await exited;
      fs.rmSync(dir, { recursive: true, force: true });
      return how;
    },
  };
  try {
    await until(async () => (await irm('status', '--json').catch(() => null)) !== null, 'the daemon answers');
    if (layer !== undefined) {
      await irm('ipcp', 'create', layer, '--type', 'local');
      await irm('ipcp', 'bootstrap', layer, '--layer', layer);
    }
  } catch (error) {
    await daemon.stop();
    throw Object.assign(error, { message: `${error.message}\n${log.join('')}` });
  }
  return daemon;
}

/** Runs a command; rejects with its output when it fails. */
export function run(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve({ stdout, stderr });
      else reject(Object.assign(new Error(`${args.join(' ')}: exit ${code}\n${stdout}${stderr}`), { code }));
    });
  });
}

// A private daemon for the benchmark.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { run } from '../test/scenarios/private-daemon.mjs';
import { STEADY_HEAP } from './steady-heap.mjs';
import { until } from '../test/scenarios/until.mjs';

const at = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** Resolves once the daemon of `dir` answers. */
export async function startDaemon(dir) {
  const env = { ...process.env, FLOWRING_DIR: dir, FLOWRING_AUTOSTART: '0' };
  const args = [...STEADY_HEAP, at('../packages/irmd/dist/bin/irmd.js')];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const status = [at('../packages/irmd/dist/bin/irm.js'), 'status', '--json'];
  await until(() => run(process.execPath, status, env).catch(() => null), 'the daemon answers');
  return {
    env,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

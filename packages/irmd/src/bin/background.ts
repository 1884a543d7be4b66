import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { prepareRuntimeDir, runtimeDir } from '@flowring/control';
import { EXIT } from '../exit-codes.ts';

/** What the daemon tells the process that started it in the background. */
export const SERVING = 'serving';

/**
 * Starts the daemon with these arguments in a session of its own and returns when it serves, with its exit code when
 * it does not. What it prints goes to `irmd.log` in its directory; what it printed before it failed, to our stderr.
 */
export async function startInBackground(dir: string | undefined, args: readonly string[]): Promise<number> {
  const directory = resolve(dir ?? runtimeDir());
  prepareRuntimeDir(directory);
  const path = join(directory, 'irmd.log');
  const log = openSync(path, 'a', 0o600);
  const printedBefore = statSync(path).size;
  const child = spawn(process.execPath, [process.argv[1]!, ...args], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const code = await new Promise<number>((done) => {
    child.once('message', () => done(EXIT.ok));
    child.once('error', () => done(EXIT.failed));
    child.once('exit', (exitCode) => done(exitCode ?? EXIT.failed));
  });
  if (code !== EXIT.ok) process.stderr.write(readFileSync(path).subarray(printedBefore));
  if (child.connected) child.disconnect();
  child.unref();
  return code;
}

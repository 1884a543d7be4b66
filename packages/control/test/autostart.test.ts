import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ControlClient } from '../src/index.ts';
import { connectControl, ensureDaemon } from '../src/index.ts';
import { plainEnv, until } from './harness.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'frc-'));
});
afterEach(async () => {
  await until(() => daemonsOf(dir) === 0);
  rmSync(dir, { recursive: true });
});

/** Processes that run with this runtime directory in their environment. */
function daemonsOf(runtimeDir: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`FLOWRING_DIR=${runtimeDir}\0`);
    } catch {
      return false;
    }
  }).length;
}

const irmd = join(import.meta.dirname, 'fixtures', 'fake-irmd.mjs');
const env = (more: Record<string, string> = {}): Record<string, string | undefined> => ({
  ...plainEnv(),
  FLOWRING_IRMD: irmd,
  ...more,
});

const connect = (): Promise<ControlClient> =>
  connectControl({ dir, kind: 'app', onMessage: () => undefined, onClose: () => undefined });

/** The fake daemon ends when a process leaves it. */
async function endDaemon(): Promise<void> {
  const client = await connect();
  const { daemonPid } = client.welcome;
  await client.close();
  await until(() => {
    try {
      process.kill(daemonPid, 0);
      return false;
    } catch {
      return true;
    }
  });
}

describe('ensureDaemon', () => {
  test('starts a daemon where none runs', async () => {
    await ensureDaemon(dir, { env: env() });
    await endDaemon();
    expect(readdirSync(dir)).toContain('irmd.log');
  });

  test('ten at once leave one daemon', async () => {
    await Promise.all(Array.from({ length: 10 }, () => ensureDaemon(dir, { env: env(), timeoutMs: 15_000 })));
    const clients = await Promise.all([connect(), connect()]);
    expect(clients[0]!.welcome.instance).toBe(clients[1]!.welcome.instance);
    await Promise.all(clients.map((client) => client.close()));
  });

  test('FLOWRING_AUTOSTART=0 rejects FLOWRING_IRMD_UNREACHABLE and says what to run', async () => {
    await expect(ensureDaemon(dir, { env: env({ FLOWRING_AUTOSTART: '0' }) })).rejects.toMatchObject({
      code: 'FLOWRING_IRMD_UNREACHABLE',
      message: expect.stringContaining('run: irmd') as unknown,
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  test('a daemon that fails gives its exit code and last words', async () => {
    await expect(ensureDaemon(dir, { env: env({ FAKE_IRMD: 'fail' }) })).rejects.toMatchObject({
      code: 'FLOWRING_SPAWN',
      details: { exitCode: 7, lastLine: 'no layer configured' },
    });
  });

  test('a daemon that never serves gives FLOWRING_TIMEOUT', async () => {
    const asked = ensureDaemon(dir, { env: env({ FLOWRING_IRMD: '/dev/null' }), timeoutMs: 1 });
    await expect(asked).rejects.toMatchObject({ code: expect.stringMatching(/TIMEOUT|SPAWN/) as unknown });
  });

  test('an aborted wait rejects FLOWRING_ABORTED', async () => {
    const asked = ensureDaemon(dir, { env: env(), signal: AbortSignal.abort() });
    await expect(asked).rejects.toMatchObject({ code: 'FLOWRING_ABORTED' });
  });
});

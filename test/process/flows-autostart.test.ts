import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../scenarios/until.mjs';
import { Agents, codeOf } from './flows-support.ts';

/** Programs that serve a directory: irmd processes with it in their environment. */
function daemonsOf(dir: string): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isDaemonOf(pid, dir));
}

function isDaemonOf(pid: number, dir: string): boolean {
  try {
    const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    const environment = fs.readFileSync(`/proc/${pid}/environ`, 'utf8');
    return command.includes('irmd.js') && environment.split('\0').includes(`FLOWRING_DIR=${dir}`);
  } catch {
    return false;
  }
}

describe('without a daemon', () => {
  let dir: string;
  let agents: Agents | null;
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flowring-auto-'));
    agents = null;
  });
  afterEach(async () => {
    await agents?.stop();
    await until(() => daemonsOf(dir).length === 0, 'the daemon has ended');
    fs.rmSync(dir, { recursive: true });
  });

  const environment = (extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
    const { NODE_OPTIONS: _, FLOWRING_AUTOSTART: __, ...env } = process.env;
    return { ...env, FLOWRING_DIR: dir, ...extra };
  };

  test('ten programs that race start one, which serves them all and ends when they have', async () => {
    // Long enough for a program on a busy machine to come back to the daemon it has started.
    agents = new Agents(environment({ FLOWRING_IDLE_EXIT_MS: '3000' }));
    const programs = await Promise.all(Array.from({ length: 10 }, () => agents!.start()));
    const server = programs[0]!;
    await Promise.all(programs.map((program, i) => program.call('serveEcho', `program-${i}`)));
    // Those that lost the race may be on their way out still.
    await until(() => daemonsOf(dir).length === 1, 'one daemon is left');
    const replies = await Promise.all(
      programs.map(async (program, i) => {
        const flow = await program.call('alloc', `program-${(i + 1) % 10}`, { qos: 'data' });
        await program.call('write', flow, `from ${i}`);
        const reply = await program.call('read', flow, { timeoutMs: 30_000 });
        await program.call('dealloc', flow);
        return reply.text ?? reply.code;
      }),
    );
    expect(replies).toEqual(programs.map((_, i) => `from ${i}`));
    expect(await codeOf(server.call('ping'))).toBeNull();
    await agents.stop();
    await until(() => daemonsOf(dir).length === 0, 'the daemon ended by itself');
    expect(fs.readdirSync(dir)).toEqual(['irmd.log']);
  });

  test('and FLOWRING_AUTOSTART=0 a call fails and says what to run', async () => {
    agents = new Agents(environment({ FLOWRING_AUTOSTART: '0' }));
    const program = await agents.start();
    const error = await program.call('alloc', 'anything').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'FLOWRING_IRMD_UNREACHABLE',
      message: expect.stringContaining('run: irmd'),
    });
    expect(daemonsOf(dir)).toEqual([]);
  });
});

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FlowringError } from '@flowring/common';
import type { Guard } from '../src/guard-lock.ts';
import { claimGuard } from '../src/guard-lock.ts';
import { startFixture } from './harness.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'frc-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const silent = new Uint8Array([24, 0, 0, 0, ...new Uint8Array(24)]);

/** A socket file nobody listens on, as a killed daemon leaves it. */
async function leaveDeadSocket(name: string): Promise<void> {
  const server: Server = createServer();
  const born = join(dir, 'born');
  await new Promise<void>((resolve) => server.listen(born, resolve));
  linkSync(born, join(dir, 'copy'));
  await new Promise((resolve) => server.close(resolve));
  renameSync(join(dir, 'copy'), join(dir, name));
}

async function claim(): Promise<Guard | FlowringError> {
  try {
    const guard = await claimGuard(dir);
    // A daemon greets when it serves.
    guard.serve((socket) => socket.on('error', () => undefined).end(silent));
    return guard;
  } catch (error) {
    return error as FlowringError;
  }
}

describe('the guard', () => {
  test('of 16 that claim at once exactly one wins, over nothing and over dead files, 60 times', async () => {
    for (let round = 0; round < 60; round++) {
      if (round % 3 === 1) await leaveDeadSocket('guard.sock');
      if (round % 3 === 2) await leaveDeadSocket('.000000000000.claim');
      const outcomes = await Promise.all(Array.from({ length: 16 }, claim));
      const winners = outcomes.filter((one): one is Guard => 'release' in one);
      const losers = outcomes.filter((one): one is FlowringError => !('release' in one));
      expect(losers.map((one) => one.code)).toEqual(Array(15).fill('FLOWRING_ALREADY_RUNNING'));
      await winners[0]!.release();
      expect(readdirSync(dir)).toEqual([]);
    }
  });

  test('a lock whose holder is alive but silent is never taken', async () => {
    const holder = await claimGuard(dir);
    await expect(claimGuard(dir, 50)).rejects.toMatchObject({
      code: 'FLOWRING_ALREADY_RUNNING',
      details: { pid: null },
    });
    await holder.release();
  });

  test('it is free again once its holder released it', async () => {
    await (await claimGuard(dir)).release();
    await (await claimGuard(dir)).release();
    expect(readdirSync(dir)).toEqual([]);
  });

  test('of 10 processes that start at once exactly one wins, also after a winner was killed', async () => {
    const racers = await Promise.all(Array.from({ length: 10 }, startRacer));
    for (let round = 0; round < 6; round++) {
      const outcomes = await Promise.all(racers.map((racer) => ask(racer, { cmd: 'start', dir })));
      const winners = outcomes.filter((one) => one['won'] === true);
      expect(winners).toHaveLength(1);
      const losers = outcomes.filter((one) => one['won'] === false);
      const expected = { code: 'FLOWRING_ALREADY_RUNNING', seen: winners[0]!['pid'] };
      for (const loser of losers) expect(loser).toMatchObject(expected);
      const at = racers.findIndex((racer) => racer.pid === winners[0]!['pid']);
      if (round % 2 === 0) await ask(racers[at]!, { cmd: 'stop' });
      else racers[at] = await replaceKilled(racers[at]!);
    }
    await Promise.all(
      racers.map(async (racer) => {
        racer.disconnect();
        await once(racer, 'exit');
      }),
    );
  }, 60_000);
});

async function startRacer(): Promise<ChildProcess> {
  return (await startFixture('racer.mjs')).child;
}

async function ask(racer: ChildProcess, command: object): Promise<Record<string, unknown>> {
  const answer = once(racer, 'message');
  racer.send(command);
  return ((await answer) as [Record<string, unknown>])[0];
}

async function replaceKilled(racer: ChildProcess): Promise<ChildProcess> {
  const exit = once(racer, 'exit');
  racer.kill('SIGKILL');
  await exit;
  return await startRacer();
}

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FlowringError } from '@flowring/common';
import { NatsDirectory } from '../../packages/ipcpd/src/layers/directory/nats-directory.ts';
import { HAS_NATS, NatsServer } from '../support/nats-server.ts';
import { until } from './irmd-support.ts';

const HOLDER = join(import.meta.dirname, '../support/nats-holder.mjs');

/** Whether a lookup of a name that is not known fails now. */
function failsFor(directory: NatsDirectory, name: string): () => Promise<boolean> {
  return async () => {
    const asked = Promise.resolve(directory.lookup(name));
    return (await asked.catch((error: FlowringError) => error.code)) === 'FLOWRING_DIRECTORY';
  };
}

/** Long enough for a machine that is very busy to renew it in time. */
const LEASE_MS = 3_000;

if (!HAS_NATS) console.warn('nats-server is not installed: these tests are skipped');

(HAS_NATS ? describe : describe.skip)('a directory in NATS', () => {
  let server: NatsServer;
  let here: NatsDirectory;
  const holders: ChildProcess[] = [];

  beforeEach(async () => {
    server = await new NatsServer().start();
    here = directoryOf('here', server);
  });
  afterEach(async () => {
    for (const holder of holders.splice(0)) holder.kill('SIGKILL');
    await here.close();
    await server.end();
  });

  async function hold(self: string): Promise<ChildProcess> {
    const holder = await startHolder(self, server);
    holders.push(holder);
    return holder;
  }

  const answerFor = (name: string): Promise<string | null> =>
    Promise.resolve(here.lookup(name)).catch(() => 'unanswered');

  const isAt = (peer: string | null) => async (): Promise<boolean> => (await here.lookup('n')) === peer;

  test('forgets the names of an IPCP that was killed, once its lease is over', async () => {
    const holder = await hold('there');
    await until('the name is known', isAt('there'), 60_000);
    holder.kill('SIGKILL');
    await until('the name is gone', isAt(null), 60_000);
  });

  test('keeps a name beyond its lease while the IPCP lives', async () => {
    await hold('there');
    await until('the name is known', isAt('there'), 60_000);
    const endMs = performance.now() + 1.5 * LEASE_MS;
    while (performance.now() < endMs) {
      expect(await here.lookup('n')).toBe('there');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });

  test('knows a second holder when the first was killed', async () => {
    const first = await hold('first');
    await until('the name is known', isAt('first'), 60_000);
    await hold('second');
    first.kill('SIGKILL');
    await until('the other is found', isAt('second'), 60_000);
  });

  test('answers what it knows while the server is dead, fails for the rest, and is whole again after', async () => {
    await hold('there');
    await until('the name is known', isAt('there'), 60_000);
    await server.kill();
    await until('the death is known', failsFor(here, 'other'), 60_000);
    expect(await here.lookup('n')).toBe('there');
    await here.register('mine');
    await server.start();
    await until('both answer again', async () => (await answerFor('other')) === null, 60_000);
    await until('the name is known again', isAt('there'), 60_000);
    const other = directoryOf('other', server);
    await until(
      'what was registered meanwhile is there',
      async () => (await other.lookup('mine')) === 'here',
      20_000,
    );
    await other.close();
  });
});

function directoryOf(self: string, server: NatsServer): NatsDirectory {
  const config = { servers: [server.address], credentials: null, leaseMs: LEASE_MS, address: null };
  return new NatsDirectory({ layerName: 'l', self }, config);
}

/** A process that holds the name `n`, when it does. */
async function startHolder(self: string, server: NatsServer): Promise<ChildProcess> {
  const holder = spawn(process.execPath, [HOLDER, server.address, 'l', self, 'n', String(LEASE_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout!, 'data');
  return holder;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { UDP_KINDS } from './datagram-ends.ts';

const PEER = fileURLToPath(new URL('datagram-peer.mjs', import.meta.url));

/** Runs a scenario of datagram-peer.mjs to its end. */
async function run(
  scenario: string,
  kind: string,
): Promise<{ code: number | null; signal: string | null; output: string }> {
  const child = spawn(process.execPath, [PEER, scenario, kind], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  const output = (await text(child.stdout)).trim();
  const [code, signal] = await exit;
  return { code, signal, output };
}

describe.each(UDP_KINDS)('a process with a UDP socket of kind %s', (kind) => {
  test('gets the datagrams after one whose receiver threw, and the exception', async () => {
    expect(await run('throws', kind)).toEqual({ code: 0, signal: null, output: '1,2,3,4 of-the-layer' });
  });

  test('sees promises of a receiver settled', async () => {
    expect(await run('promises', kind)).toEqual({ code: 0, signal: null, output: 'settled' });
  });

  test.each(['exits', 'exits-in-callback', 'unref', 'closes'])(
    'ends in order in the scenario %s',
    async (scenario) => {
      expect(await run(scenario, kind)).toEqual({ code: 0, signal: null, output: '' });
    },
  );
});

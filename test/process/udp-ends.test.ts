import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Agent } from './flows-support.ts';
import { until } from '../scenarios/until.mjs';
import type { UdpHost } from './udp-support.ts';
import { LAYER, startTwoHosts } from './udp-support.ts';

let client: UdpHost;
let server: UdpHost;
let reader: Agent;
let names = 0;

beforeAll(async () => {
  ({ client, server } = await startTwoHosts(['end-1', 'end-2', 'end-3', 'end-4', 'end-5', 'end-6']));
  reader = await client.program();
});

afterAll(async () => {
  await client?.stop();
  await server?.stop();
});

/** A flow from the reader to a program of its own on the other host, which has written its last words. */
async function flowWithLastWords(qos: string) {
  const name = `end-${(names += 1)}`;
  const program = await server.program();
  await program.call('serveKeep', name);
  const flow = await reader.call('alloc', name, { qos, layer: LAYER });
  await until(async () => (await program.call('kept')) === 1, 'the flow has come');
  await program.call('write', 1, 'last words');
  return { program, flow };
}

describe.each(['raw', 'data'])('a read on a %s flow between two hosts', (qos) => {
  test('has the last words and then the end when the other program deallocates', async () => {
    const { program, flow } = await flowWithLastWords(qos);
    await program.call('dealloc', 1);
    expect(await reader.call('read', flow)).toMatchObject({ text: 'last words' });
    expect(await reader.call('read', flow)).toMatchObject({ text: null });
  });

  test('has the last words and then an error when the other program is killed', async () => {
    const { program, flow } = await flowWithLastWords(qos);
    expect(await reader.call('read', flow)).toMatchObject({ text: 'last words' });
    const end = reader.call('read', flow);
    program.kill9();
    expect(await end).toMatchObject({ code: 'FLOWRING_PEER_GONE' });
  });
});

test('reads end with an error when the other host is gone without a word', async () => {
  const flows = [await flowWithLastWords('raw'), await flowWithLastWords('data')];
  for (const { flow } of flows) expect(await reader.call('read', flow)).toMatchObject({ text: 'last words' });
  const ends = flows.map(({ flow }) => reader.call('read', flow));
  await server.vanish();
  for (const end of ends) expect(await end).toMatchObject({ code: 'FLOWRING_PEER_GONE' });
});

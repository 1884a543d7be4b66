import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { createTestLayer } from '../src/testing.ts';

const PARAMS = { mplMs: 5_000, aMs: 15, rMs: 120_000, mtuBytes: 8_976, wire: 'o7s' } as const;

async function flowsOver(loss: number) {
  const layer = createTestLayer({ clock: 'virtual', latencyUs: 1_000, loss, params: PARAMS });
  layer.createName('o7s');
  const accepting = layer.process().flowAccept.once({ name: 'o7s' });
  const allocating = layer.process().flowAlloc('o7s', { qos: { ...qosCubes.data, ber: 1 } });
  await layer.advance(10);
  return { layer, client: await allocating, server: await accepting };
}

describe('a reliable flow whose path speaks the format of the C prototype', () => {
  test('carries messages in that format, through loss', async () => {
    const { layer, client, server } = await flowsOver(0.2);
    expect(client.inspect()).toMatchObject({ service: 'reliable', frcp: { wire: 'o7s' } });
    const sent = Array.from({ length: 40 }, (_, at) => `message ${at}`);
    const read: string[] = [];
    const reading = (async () => {
      while (read.length < sent.length) read.push((await server.read())!.toString());
    })();
    for (const text of sent) await client.write(Buffer.from(text));
    await layer.advance(60_000);
    await reading;
    expect(read).toEqual(sent);
  });

  test('takes no message that does not fit one packet', async () => {
    const { client } = await flowsOver(0);
    await client.write(Buffer.alloc(8_964));
    await expect(client.write(Buffer.alloc(8_965))).rejects.toMatchObject({
      code: 'FLOWRING_MESSAGE_TOO_LARGE',
    });
  });
});

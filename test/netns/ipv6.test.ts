import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { describeOnTwoHosts } from './support/describe-on-two-hosts.ts';
import type { Program } from './support/flow-hosts.ts';
import { FlowHosts, LAYER } from './support/flow-hosts.ts';

describeOnTwoHosts('two hosts that have no IPv4 between them', () => {
  let all: FlowHosts;
  let client: Program;

  beforeAll(async () => {
    all = await FlowHosts.joined({}, 6);
    const server = await all.program('b');
    await server.call('serveDigest', 'digest');
    await server.call('serveEcho', 'echo');
    client = await all.program('a');
  });
  afterAll(() => all?.stop());

  const isUploaded = async (bytes: number): Promise<boolean> => {
    const { isEqual } = (await client.call('upload', 'digest', { bytes, layer: LAYER })) as UploadEnd;
    return isEqual;
  };

  test('speak on raw and on reliable flows, allocated by name', async () => {
    for (const qos of ['raw', 'rawNoErrors', 'data']) {
      const flow = await client.call('alloc', 'echo', { qos, layer: LAYER });
      expect(await client.call('roundTrip', flow, qos)).toMatchObject({ reply: qos });
      await client.call('dealloc', flow);
    }
  });

  test('transfer a megabyte', async () => {
    expect(await isUploaded(1_000_000)).toBe(true);
  });

  test('go on over a path that carries no more than IPv6 demands', async () => {
    expect(await isUploaded(100_000)).toBe(true);
    for (const side of ['a', 'b'] as const) all.hosts.faults(side, { mtuBytes: 1_280 });
    expect(await isUploaded(100_000)).toBe(true);
    for (const side of ['a', 'b'] as const) all.hosts.faults(side, {});
  });

  test('find out that the cable is out', async () => {
    const qos = { ...qosCubes.raw, timeout: 500 };
    const flow = await client.call('alloc', 'echo', { qos, layer: LAYER });
    expect(await client.call('roundTrip', flow, 'there')).toMatchObject({ reply: 'there' });
    const end = client.call('read', flow);
    all.hosts.plug(false);
    expect(await end).toMatchObject({ code: 'FLOWRING_PEER_GONE' });
    all.hosts.plug(true);
  });
});

interface UploadEnd {
  readonly isEqual: boolean;
}

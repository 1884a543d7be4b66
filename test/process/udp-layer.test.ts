import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Agent } from './flows-support.ts';
import { codeOf } from './flows-support.ts';
import type { UdpHost } from './udp-support.ts';
import { FAMILIES, LAYER, startTwoHosts } from './udp-support.ts';

describe.each(FAMILIES)('over IPv%i', (family) => {
  let client: UdpHost;
  let server: UdpHost;
  let caller: Agent;

  beforeAll(async () => {
    ({ client, server } = await startTwoHosts(['echo', 'nobody'], family));
    const echo = await server.program();
    await echo.call('serveEcho', 'echo');
    caller = await client.program();
  });

  afterAll(async () => {
    await client?.stop();
    await server?.stop();
  });

  describe.each(['raw', 'rawNoErrors', 'data'])('a flow of the cube %s between two hosts', (qos) => {
    test('is allocated by name and carries a message there and back', async () => {
      const flow = await caller.call('alloc', 'echo', { qos, layer: LAYER });
      await caller.call('write', flow, 'over the wire');
      expect(await caller.call('read', flow)).toMatchObject({ text: 'over the wire' });
      expect(await caller.call('look', flow)).toMatchObject({ layer: LAYER, peerPid: 0 });
      await caller.call('dealloc', flow);
    });
  });

  test('a name that the other host does not know is refused there', async () => {
    expect(await codeOf(caller.call('alloc', 'nobody', { layer: LAYER }))).toBe('FLOWRING_NAME_UNKNOWN');
  });
});

import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConfigValues } from '@flowring/common';
import { qosCubes } from '@flowring/common';
import { startRemoteProgram } from '../scenarios/remote-program.mjs';
import { until } from '../scenarios/until.mjs';
import { KIND } from '../../packages/ipcpd/src/core/udp/packet.ts';
import { Relay } from '../netns/relay/relay.ts';
import type { Side } from '../netns/relay/relaying.ts';
import type { Family } from './udp-support.ts';
import { endpoint, FAMILIES, freePort, LAYER, LOOPBACK, UdpHost } from './udp-support.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../netns/support/net-program.mjs');
const BYTES = 4_000_000;
/** Slow enough that much happens before a transfer is over. */
const SLOW = { rateKbps: 20_000, delayUs: 2_000, mtuBytes: 9_000 };

/** The layer's, not the allocator's or the path's. */
const isData = (datagram: Uint8Array): boolean => (datagram[0]! & 0x0f) === KIND.data;

type Program = Awaited<ReturnType<typeof startRemoteProgram>>;

/** Two hosts on this one with a relay between them, and a program on each. */
class RelayedHosts {
  relay!: Relay;
  client!: Program;
  server!: Program;
  readonly #hosts: UdpHost[] = [];

  async start(family: Family): Promise<void> {
    const clientPort = await freePort(family);
    const serverPort = await freePort(family);
    const facingClient = await freePort(family);
    const facingServer = await freePort(family);
    const address = LOOPBACK[family];
    const side = (facing: number, host: number) => ({
      facing: { address, port: facing },
      host: { address, port: host },
    });
    const sides = { a: side(facingClient, clientPort), b: side(facingServer, serverPort) };
    this.relay = await Relay.start({ seed: 1, sides });
    const at = endpoint(family, facingClient);
    const names = Object.fromEntries(['echo', 'digest'].map((name) => [name, at]));
    this.server = await this.#program({ host: address, port: serverPort });
    this.client = await this.#program({ host: address, port: clientPort, names });
    await this.server.call('serveDigest', 'digest');
    await this.server.call('serveEcho', 'echo');
  }

  async #program(config: ConfigValues): Promise<Program> {
    const host = await UdpHost.start(config);
    this.#hosts.push(host);
    return startRemoteProgram({ args: [PROGRAM], env: host.daemon.env });
  }

  async stop(): Promise<void> {
    await this.client?.stop();
    await this.server?.stop();
    for (const host of this.#hosts) await host.stop();
    await this.relay?.stop();
  }

  /** Waits until so many more datagrams have come from a host. */
  async passes(from: Side, datagrams: number): Promise<void> {
    const { entered } = await this.relay.counts(from);
    await until(
      async () => (await this.relay.counts(from)).entered >= entered + datagrams,
      `${datagrams} datagrams from ${from}`,
    );
  }

  /** Waits until a host's data comes in larger packets than that. */
  async sendsLargerThan(from: Side, bytes: number): Promise<void> {
    await until(async () => {
      await this.relay.record(10);
      await this.passes(from, 10);
      const recorded = await this.relay.recorded();
      return recorded.some((one) => one.from === from && isData(one.datagram) && one.datagram.length > bytes);
    }, `data of more than ${bytes} bytes from ${from}`);
  }

  /** A slow transfer in the midst of which something happens. Resolves to whether it came whole. */
  async transfer(change: () => Promise<void>): Promise<boolean> {
    await this.relay.impair(SLOW);
    let isOver = false;
    const upload = this.client
      .call('upload', 'digest', { bytes: BYTES, layer: LAYER })
      .finally(() => (isOver = true)) as Promise<{ readonly isEqual: boolean }>;
    await this.passes('a', 50);
    await change();
    expect(isOver).toBe(false);
    return (await upload).isEqual;
  }
}

describe.each(FAMILIES)('between two hosts over IPv%i', (family) => {
  const hosts = new RelayedHosts();
  beforeAll(() => hosts.start(family));
  afterAll(() => hosts.stop());
  afterEach(() => hosts.relay.impair({}));

  test('a transfer comes whole', async () => {
    expect(await hosts.transfer(async () => undefined)).toBe(true);
  });

  test('a transfer comes whole when the path carries less and less', async () => {
    const before = (await hosts.relay.counts('a')).oversize;
    const isWhole = await hosts.transfer(async () => {
      await hosts.sendsLargerThan('a', 1_500);
      await hosts.relay.impair({ ...SLOW, mtuBytes: 1_500 });
      await hosts.passes('a', 20);
      await hosts.relay.impair({ ...SLOW, mtuBytes: 1_280 });
    });
    expect(isWhole).toBe(true);
    expect((await hosts.relay.counts('a')).oversize).toBeGreaterThan(before);
  });

  test.each(['a', 'b'] as const)('a transfer comes whole when the port of host %s changes', async (side) => {
    expect(await hosts.transfer(async () => void (await hosts.relay.rebind(side)))).toBe(true);
  });

  test('keepalives hold an idle flow up, and their absence ends it', async () => {
    const qos = { ...qosCubes.raw, timeout: 1_000 };
    const flow = await hosts.client.call('alloc', 'echo', { qos, layer: LAYER });
    // Four go to a timeout.
    await Promise.all([hosts.passes('a', 10), hosts.passes('b', 10)]);
    expect(await hosts.client.call('roundTrip', flow, 'still there')).toMatchObject({ reply: 'still there' });
    const end = hosts.client.call('read', flow);
    await hosts.relay.impair({ isDown: true });
    expect(await end).toMatchObject({ code: 'FLOWRING_PEER_GONE' });
  });
});

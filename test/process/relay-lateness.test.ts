import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../scenarios/until.mjs';
import { Relay } from '../netns/relay/relay.ts';
import { freePort, LOOPBACK } from './udp-support.ts';

const STOPPED_MS = 300;

describe('a relay', () => {
  let relay: Relay;
  beforeAll(async () => {
    const end = async () => ({ address: LOOPBACK[4], port: await freePort(4) });
    const side = async () => ({ facing: await end(), host: await end() });
    relay = await Relay.start({ seed: 1, sides: { a: await side(), b: await side() } });
  });
  afterAll(() => relay.stop());

  test('says how late it was after it stood still', async () => {
    process.kill(relay.pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
    process.kill(relay.pid, 'SIGCONT');
    let latestMs = 0;
    // A mark may have been due up to its period after the stop.
    await until(async () => {
      latestMs = Math.max(latestMs, await relay.takeLateMs());
      return latestMs > STOPPED_MS / 2;
    }, 'the relay notices');
    expect(latestMs).toBeGreaterThan(STOPPED_MS / 2);
  });

  test('does not take its own marks for datagrams of a host', async () => {
    await until(async () => (await relay.takeLateMs()) > 0, 'a mark');
    expect((await relay.counts('a')).entered).toBe(0);
  });
});

import { afterEach, describe, expect, test } from '@jest/globals';
import type { ConfigValues, ControlMessage, CounterGroups } from '@flowring/common';
import { METRICS } from '@flowring/common';
import { Ipcp } from '../src/adapters/ipcp.ts';
import { createLayer } from '../src/layers/index.ts';

/** Groups that an IPCP of a type has. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  local: ['tables', 'fa', 'channel'],
  udp: ['tables', 'fa', 'channel', 'directory', 'udp', 'neighbours', 'socket'],
  'o7s-udp': ['tables', 'o7s', 'channel', 'o7sUdp', 'socket'],
};

describe('the counters of an IPCP', () => {
  let ipcp: Ipcp;
  afterEach(() => ipcp.close());

  async function ask(type: string, config: ConfigValues): Promise<CounterGroups> {
    const replies: ControlMessage[] = [];
    let heard: () => void = () => undefined;
    ipcp = new Ipcp({
      layer: createLayer(type),
      openChannel: () => {
        throw new Error('no channel');
      },
      send: (message) => {
        replies.push(message);
        heard();
        return true;
      },
      onIdle: () => undefined,
    });
    const bootstrapped = new Promise<void>((done) => (heard = done));
    ipcp.handle({ t: 'ipcp-bootstrap', req: 1, layer: 'l', config });
    await bootstrapped;
    ipcp.handle({ t: 'ipcp-metrics', req: 2 });
    return (replies.at(-1) as ControlMessage<'ok'>).value as CounterGroups;
  }

  test.each([
    ['local', {}],
    ['udp', { host: '127.0.0.1', port: 0 }],
    ['o7s-udp', { host: '127.0.0.1', port: 0 }],
  ])('of type %s are those of the table', async (type, config) => {
    const counters = await ask(type, config);
    for (const group of GROUPS[type]!) {
      const rows = METRICS[group as keyof typeof METRICS];
      expect([group, Object.keys(counters[group] ?? {}).sort()]).toEqual([group, Object.keys(rows).sort()]);
    }
    const others = Object.keys(counters).filter((group) => !GROUPS[type]!.includes(group));
    expect(others.filter((group) => Object.keys(counters[group]!).length > 0)).toEqual([]);
  });
});

describe('the flows an IPCP tells of', () => {
  test('are only those it has', () => {
    const replies: ControlMessage[] = [];
    const ipcp = new Ipcp({
      layer: createLayer('local'),
      openChannel: () => {
        throw new Error('no channel');
      },
      send: (message) => replies.push(message) > 0,
      onIdle: () => undefined,
    });
    ipcp.handle({ t: 'ipcp-bootstrap', req: 1, layer: 'l' });
    ipcp.handle({ t: 'ipcp-flows', req: 2, flows: [1, 2, 3] });
    expect(replies.at(-1)).toEqual({ t: 'ok', req: 2, value: [] });
    ipcp.close();
  });
});

import { describe, expect, test } from '@jest/globals';
import { ConfigTable } from '@flowring/common';
import { HashedNames } from '../../src/core/o7s/name-hash.ts';
import { EARLY_PER_FLOW_MAX, EarlyPackets } from '../../src/layers/o7s-udp/early-packets.ts';
import { formatNode, parseNode, readO7sConfig } from '../../src/layers/o7s-udp/o7s-config.ts';
import {
  O7sDirectory,
  RESOLVED_MAX,
  RESOLVED_MS,
  RESOLVING_MAX,
} from '../../src/layers/o7s-udp/o7s-directory.ts';
import { nodeDigest } from './node-digest.ts';

const OPING_HASH = '7862c6fec5ecaef4aa2e3934725e23b3';

function directoryOf(
  given: Readonly<Record<string, unknown>>,
  resolve: (host: string) => Promise<string | null>,
) {
  const names = new HashedNames(nodeDigest);
  const asked: string[] = [];
  const clock = { ms: 0 };
  const directory = new O7sDirectory({
    config: readO7sConfig(new ConfigTable(given)),
    names,
    digest: nodeDigest,
    self: '10.0.0.1:3435',
    resolve: (host) => {
      asked.push(host);
      return resolve(host);
    },
    nowMs: () => clock.ms,
  });
  return { directory, names, asked, clock };
}

describe('the configuration of an o7s-udp layer', () => {
  test('is the port of the prototype on every address, and the resolver, when it says nothing', () => {
    expect(readO7sConfig(new ConfigTable({}))).toEqual({
      host: '0.0.0.0',
      port: 3_435,
      names: new Map(),
      resolver: true,
    });
  });

  test.each([
    ['host', { host: 'example.org' }],
    ['port', { port: 65_536 }],
    ['names.oping', { names: { oping: 'somewhere' } }],
    ['names.oping', { host: '10.0.0.1', names: { oping: 'fe80::1' } }],
    ['names.oping', { names: { oping: '10.0.0.2:0' } }],
    ['resolver', { resolver: 'yes' }],
    ['hosts', { hosts: {} }],
  ])('says where it is wrong: %s', (key, given) => {
    const read = (): unknown => readO7sConfig(new ConfigTable(given));
    expect(read).toThrow(expect.objectContaining({ code: 'FLOWRING_CONFIG' }));
    expect(read).toThrow(expect.objectContaining({ details: expect.objectContaining({ key }) }));
  });

  test.each(['10.0.0.2:3435', '[fe80::1]:80'])('%s is a node, written as it is read', (text) => {
    expect(formatNode(parseNode(text, 3_435)!)).toBe(text);
  });

  test.each(['10.0.0.2:', '[10.0.0.2]:1', 'fe80::1:70000', '', ':1'])('"%s" is no node', (text) => {
    expect(parseNode(text, 3_435)).toBeNull();
  });
});

describe('the directory of an o7s-udp layer', () => {
  //= R-OUDP-20
  test('asks the resolver for the hash of a name, and believes it for a while', async () => {
    const { directory, asked, clock } = directoryOf({}, () => Promise.resolve('10.0.0.2'));
    expect(await directory.lookup('oping')).toBe('10.0.0.2:3435');
    expect(directory.lookup('oping')).toBe('10.0.0.2:3435');
    expect(asked).toEqual([OPING_HASH]);
    clock.ms = RESOLVED_MS;
    await directory.lookup('oping');
    expect(asked).toHaveLength(2);
  });

  test('asks again for a name the resolver did not know', async () => {
    const { directory, asked } = directoryOf({}, () => Promise.resolve(null));
    expect(await directory.lookup('oping')).toBeNull();
    expect(await directory.lookup('oping')).toBeNull();
    expect(asked).toHaveLength(2);
  });

  test('asks once for a name that several want at the same time', async () => {
    const { directory, asked } = directoryOf({}, () => Promise.resolve('10.0.0.2'));
    const answers = await Promise.all([directory.lookup('oping'), directory.lookup('oping')]);
    expect(answers).toEqual(['10.0.0.2:3435', '10.0.0.2:3435']);
    expect(asked).toHaveLength(1);
  });

  test('has a bounded number of questions open, and of answers', async () => {
    const stuck = directoryOf({}, () => new Promise(() => undefined));
    for (let n = 0; n <= RESOLVING_MAX; n += 1) void stuck.directory.lookup(`name ${n}`);
    expect(stuck.asked).toHaveLength(RESOLVING_MAX);
    expect(stuck.directory.lookup('one more')).toBeNull();
    const full = directoryOf({}, () => Promise.resolve('10.0.0.2'));
    for (let n = 0; n <= RESOLVED_MAX; n += 1) await full.directory.lookup(`name ${n}`);
    await full.directory.lookup('name 1');
    expect(full.asked).toHaveLength(RESOLVED_MAX + 1);
    await full.directory.lookup('name 0');
    expect(full.asked).toHaveLength(RESOLVED_MAX + 2);
  });

  test('takes what is configured first, then its own names, and then asks nobody if it may not', () => {
    const given = { names: { oping: '10.0.0.7', far: '10.0.0.8:9' }, resolver: false };
    const { directory, asked } = directoryOf(given, () => Promise.resolve('10.0.0.2'));
    directory.register('oping');
    directory.register('own');
    expect(directory.lookup('oping')).toBe('10.0.0.7:3435');
    expect(directory.lookup('far')).toBe('10.0.0.8:9');
    expect(directory.lookup('own')).toBe('10.0.0.1:3435');
    directory.unregister('own');
    expect(directory.lookup('own')).toBeNull();
    expect(asked).toEqual([]);
  });
});

describe('packets before their flow', () => {
  //= R-OUDP-37
  test('are given to the EID they came for, in order, once', () => {
    const early = new EarlyPackets();
    for (const [sEid, text] of [
      [7, 'a'],
      [8, 'x'],
      [7, 'b'],
    ] as const)
      early.hold(1, sEid, Buffer.from(text));
    expect(early.take(1, 7).map(String)).toEqual(['a', 'b']);
    expect(early.take(1, 7)).toEqual([]);
    expect(early.heldBytes).toBe(0);
  });

  test('are held up to a number for each flow, and a number of bytes for all', () => {
    const early = new EarlyPackets();
    for (let n = 0; n < EARLY_PER_FLOW_MAX; n += 1) expect(early.hold(1, 7, Buffer.alloc(1))).toBe(true);
    expect(early.hold(1, 7, Buffer.alloc(1))).toBe(false);
    expect(early.hold(2, 8, Buffer.alloc(1_048_576))).toBe(false);
    expect(early.hold(2, 8, Buffer.alloc(1))).toBe(true);
    early.forget(1);
    early.forget(2);
    expect(early.heldBytes).toBe(0);
  });
});

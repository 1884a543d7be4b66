import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { AskingDirectory } from '../../packages/ipcpd/src/layers/directory/asking-directory.ts';
import { NatsDirectory } from '../../packages/ipcpd/src/layers/directory/nats-directory.ts';
import { StaticDirectory } from '../../packages/ipcpd/src/layers/directory/static-directory.ts';
import { WithKnownNames } from '../../packages/ipcpd/src/layers/directory/with-known-names.ts';
import type { Directory } from '../../packages/ipcpd/src/layers/layer.ts';
import { HAS_NATS, NatsServer } from '../support/nats-server.ts';

/** A name that IPCP b has; the static policy is told so beforehand. */
const SERVED = 'a name: dots.and/more, 世界';

/** Two IPCPs of one layer. */
type Pair = Readonly<Record<'a' | 'b', Directory>>;

function staticPair(): Pair {
  const names = new Map([[SERVED, 'b']]);
  return { a: new StaticDirectory('a', names), b: new StaticDirectory('b', names) };
}

function askingPair(): Pair {
  const send = (to: 'a' | 'b', from: string) => (_: string, pdu: Uint8Array) =>
    void setImmediate(() => pair[to].onPdu(from, pdu));
  const pair = {
    a: new AskingDirectory({ layerName: 'l', self: 'a', peers: ['b'], sendPdu: send('b', 'a') }),
    b: new AskingDirectory({ layerName: 'l', self: 'b', peers: ['a'], sendPdu: send('a', 'b') }),
  };
  return pair;
}

let server: NatsServer;
let layers = 0;

function natsPair(): Pair {
  const layerName = `layer ${(layers += 1)}`;
  const config = { servers: [server.address], credentials: null, leaseMs: 1_000, address: null };
  return {
    a: new NatsDirectory({ layerName, self: 'a' }, config),
    b: new NatsDirectory({ layerName, self: 'b' }, config),
  };
}

function knownPair(): Pair {
  const { a, b } = askingPair();
  return { a: new WithKnownNames(new Map([[SERVED, 'b']]), a), b };
}

beforeAll(async () => {
  if (HAS_NATS) server = await new NatsServer().start();
  else console.warn('nats-server is not installed: the directory in NATS is not tested');
});
afterAll(() => (HAS_NATS ? server.end() : undefined));

const POLICIES = [
  ['static', staticPair],
  ['query', askingPair],
  ['query with known names', knownPair],
  ...(HAS_NATS ? [['nats', natsPair] as const] : []),
] as const;

describe.each(POLICIES)('a directory (%s)', (_, make) => {
  let pair: Pair;
  afterEach(async () => {
    await pair.a.close?.();
    await pair.b.close?.();
  });

  test('finds the IPCP that has a name', async () => {
    pair = make();
    await pair.b.register(SERVED);
    await eventually(async () => (await pair.a.lookup(SERVED)) === 'b');
  });

  test('finds itself for a name of its own, until it gives it up', async () => {
    pair = make();
    await pair.a.register('own');
    await pair.a.register('own');
    expect(await pair.a.lookup('own')).toBe('a');
    await pair.a.unregister('own');
    await eventually(async () => (await pair.a.lookup('own')) === null);
  });

  test('says that nobody has a name', async () => {
    pair = make();
    expect(await pair.a.lookup('nobody')).toBeNull();
  });

  test('goes on answering when an IPCP failed', async () => {
    pair = make();
    await pair.b.register(SERVED);
    await eventually(async () => (await pair.a.lookup(SERVED)) === 'b');
    pair.a.failed?.(SERVED, 'b');
    await eventually(async () => (await pair.a.lookup(SERVED)) === 'b');
  });

  test('gives up a name that was never registered', async () => {
    pair = make();
    await pair.a.unregister('never');
    expect(await pair.a.lookup('never')).toBeNull();
  });

  test('answers many lookups at once', async () => {
    pair = make();
    await pair.b.register(SERVED);
    await eventually(async () => (await pair.a.lookup(SERVED)) === 'b');
    const found = await Promise.all(Array.from({ length: 100 }, () => pair.a.lookup(SERVED)));
    expect(new Set(found)).toEqual(new Set(['b']));
  });
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  for (;;) {
    // A directory that cannot be asked yet may be asked again.
    const outcome = await holds().catch((error: unknown) => error);
    if (outcome === true) return;
    if (performance.now() > endMs) throw new Error('not within 60 s', { cause: outcome });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

import { afterEach, describe, expect, test } from '@jest/globals';
import { errnoOf } from '@flowring/common';
import { LocalWorld } from './local-world.ts';

const PEER_GONE = errnoOf('FLOWRING_PEER_GONE');
let world: LocalWorld;

afterEach(() => world.close());

function allocated(): void {
  world = new LocalWorld();
  world.register('echo');
  world.alloc(1, 'echo');
  world.accept(2);
}

describe('allocation in the local layer', () => {
  test('joins the two applications of a request that was accepted', () => {
    allocated();
    expect(world.told('ipcp-allocated')).toMatchObject([{ flow: 1, params: { mplMs: 1_000, rMs: 120_000 } }]);
    world.client.write(1, 'question');
    expect(world.server.received(2)).toEqual(['question']);
    world.server.write(2, 'answer');
    expect(world.client.received(1)).toEqual(['answer']);
  });

  test('carries the first message and its reply', () => {
    world = new LocalWorld();
    world.register('echo');
    world.alloc(1, 'echo', Buffer.from('first'));
    expect(Buffer.from(world.told('ipcp-incoming')[0]!.data!).toString()).toBe('first');
    world.accept(2, Buffer.from('reply'));
    expect(Buffer.from(world.told('ipcp-allocated')[0]!.data!).toString()).toBe('reply');
  });

  test('forwards a refusal with its code at once', () => {
    world = new LocalWorld();
    world.register('echo');
    world.alloc(1, 'echo');
    world.refuse('FLOWRING_PERMISSION');
    expect(world.told('ipcp-refused')).toEqual([{ t: 'ipcp-refused', flow: 1, code: 'FLOWRING_PERMISSION' }]);
    expect(world.tables()).toEqual(EMPTY_TABLES);
  });

  test('refuses a name that is not registered', () => {
    world = new LocalWorld();
    world.register('echo');
    world.unregister('echo');
    world.alloc(1, 'echo');
    expect(world.told('ipcp-refused')).toMatchObject([{ flow: 1, code: 'FLOWRING_NAME_UNKNOWN' }]);
  });

  test('withdraws the offer when the request is given up', () => {
    world = new LocalWorld();
    world.register('echo');
    world.alloc(1, 'echo');
    const { incoming } = world.told('ipcp-incoming')[0]!;
    world.ipcp.handle({ t: 'ipcp-dealloc', flow: 1 });
    expect(world.told('ipcp-incoming-gone')).toEqual([{ t: 'ipcp-incoming-gone', incoming }]);
    expect(world.told('ipcp-released')).toEqual([{ t: 'ipcp-released', flow: 1 }]);
    expect(world.tables()).toEqual(EMPTY_TABLES);
  });

  test('gives an application that accepted too late a flow that has ended', () => {
    world = new LocalWorld();
    world.register('echo');
    world.alloc(1, 'echo');
    world.ipcp.handle({ t: 'ipcp-dealloc', flow: 1 });
    world.accept(2);
    expect(world.server.endOf(2)).toBe(PEER_GONE);
    world.ipcp.handle({ t: 'ipcp-dealloc', flow: 2 });
    world.server.end(2, 0);
    expect(world.told('ipcp-released')).toHaveLength(2);
    expect(world.tables()).toEqual(EMPTY_TABLES);
  });

  test('has nothing to configure, and says which key it does not know', () => {
    world = new LocalWorld({ bootstrap: false });
    world.ipcp.handle({ t: 'ipcp-bootstrap', req: 1, layer: 'here', config: { port: 1 } });
    expect(world.told('error')).toMatchObject([{ code: 'FLOWRING_CONFIG', details: { key: 'port' } }]);
    world.ipcp.handle({ t: 'ipcp-bootstrap', req: 2, layer: 'here' });
    expect(world.told('ok')).toHaveLength(1);
  });

  test('answers operations before its bootstrap with FLOWRING_IPCP_STATE', () => {
    world = new LocalWorld({ bootstrap: false });
    world.ipcp.handle({ t: 'ipcp-register', req: 7, name: 'echo' });
    expect(world.told('error')).toEqual([{ t: 'error', req: 7, code: 'FLOWRING_IPCP_STATE' }]);
  });
});

describe('data in the local layer', () => {
  test('keeps order, borders and empty messages', () => {
    allocated();
    for (const text of ['a', '', 'bb', '']) world.client.write(1, text);
    expect(world.server.received(2)).toEqual(['a', '', 'bb', '']);
  });

  test('stops the writer of a reader that pauses, and nobody else', () => {
    allocated();
    world.alloc(3, 'echo');
    world.accept(4);
    world.server.pause(2);
    world.client.write(1, 'stuck');
    world.client.write(3, 'free');
    expect(world.server.received(4)).toEqual(['free']);
    expect(world.client.unreturned(1)).toBe(5);
    expect(world.client.unreturned(3)).toBe(0);
    world.server.resume(2);
    expect(world.server.received(2)).toEqual(['stuck']);
    expect(world.client.unreturned(1)).toBe(0);
  });

  test('keeps a copy of what waits, because the slab may be large', () => {
    allocated();
    world.server.pause(2);
    const slab = Buffer.from('..kept..');
    world.client.writeSlab(1, slab, 2, 6);
    slab.fill(0);
    world.server.resume(2);
    expect(world.server.received(2)).toEqual(['kept']);
  });
});

describe('the end of a flow in the local layer', () => {
  test('is clean at the peer after all data when the application deallocated', () => {
    allocated();
    world.server.pause(2);
    world.client.write(1, 'last');
    world.client.end(1, 0);
    expect(world.server.endOf(2)).toBeUndefined();
    world.server.resume(2);
    expect(world.server.received(2)).toEqual(['last']);
    expect(world.server.endOf(2)).toBe(0);
  });

  test('is FLOWRING_PEER_GONE at the peer when the application died', () => {
    allocated();
    world.client.write(1, 'last');
    world.client.end(1, PEER_GONE);
    expect(world.server.received(2)).toEqual(['last']);
    expect(world.server.endOf(2)).toBe(PEER_GONE);
  });

  test('is told to the peer before the IRMd has released anything', () => {
    allocated();
    world.client.end(1, 0);
    expect(world.server.endOf(2)).toBe(0);
    expect(world.told('ipcp-released')).toEqual([]);
  });

  test.each([
    ['the end first', ['end', 'dealloc']],
    ['the IRMd first', ['dealloc', 'end']],
  ])('releases the endpoint once when both said so, %s', (_name, order) => {
    allocated();
    for (const step of order) {
      if (step === 'end') world.client.end(1, 0);
      else world.ipcp.handle({ t: 'ipcp-dealloc', flow: 1 });
    }
    expect(world.told('ipcp-released')).toEqual([{ t: 'ipcp-released', flow: 1 }]);
  });

  test('still delivers what was written before both halves were released', () => {
    allocated();
    world.server.pause(2);
    world.client.write(1, 'last');
    world.client.end(1, 0);
    world.ipcp.handle({ t: 'ipcp-dealloc', flow: 1 });
    world.server.resume(2);
    expect(world.server.received(2)).toEqual(['last']);
    expect(world.server.endOf(2)).toBe(0);
  });

  test('leaves every table empty when both ends are gone', () => {
    allocated();
    world.client.end(1, 0);
    world.server.end(2, 0);
    world.ipcp.handle({ t: 'ipcp-dealloc', flow: 1 });
    world.ipcp.handle({ t: 'ipcp-dealloc', flow: 2 });
    expect(world.tables()).toEqual(EMPTY_TABLES);
    expect(world.ipcp.flowCount).toBe(0);
  });

  test('ends flows whose channel cannot be opened, at both ends', () => {
    world = new LocalWorld();
    world.register('echo');
    world.alloc(1, 'echo');
    world.acceptOnUnknownChannel(2);
    expect(world.client.endOf(1)).toBe(errnoOf('FLOWRING_CHANNEL'));
  });
});

describe('an IPCP without its IRMd', () => {
  test('serves the flows it has, and is idle after the last', () => {
    allocated();
    world.ipcp.irmdGone();
    world.client.write(1, 'still here');
    expect(world.server.received(2)).toEqual(['still here']);
    expect(world.idle).toBe(0);
    world.client.end(1, 0);
    world.server.end(2, 0);
    expect(world.idle).toBe(1);
    expect(world.tables()).toEqual(EMPTY_TABLES);
  });

  test('is idle at once when it has no flow', () => {
    world = new LocalWorld();
    world.ipcp.irmdGone();
    expect(world.idle).toBe(1);
  });
});

describe('an IPCP that is told to stop', () => {
  test('ends every flow at its application', () => {
    allocated();
    world.ipcp.close();
    expect(world.client.endOf(1)).toBe(PEER_GONE);
    expect(world.server.endOf(2)).toBe(PEER_GONE);
  });
});

const EMPTY_TABLES = { flows: 0, incoming: 0, eids: 0, resting: 0, answers: 0, peers: 0, timers: 0 };

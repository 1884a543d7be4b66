import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { TestIrm } from './support/test-irm.ts';
import { PARAMS, answerLast, bringUp, incoming } from './support/test-layer.ts';

describe('a request through a layer', () => {
  test('goes to the IPCP the name is registered with, and its answer comes back with the path', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    const client = irm.join();
    irm.ask(client, { t: 'name-register', name: 'n', layer: 'lo' });
    answerLast(irm, ipcp);
    irm.alloc(client, 1, 'n', { layer: 'lo' });
    const [asked] = irm.of(ipcp, 'ipcp-alloc');
    expect(asked).toMatchObject({ name: 'n', timeoutMs: 5_000, open: { side: 'b' } });
    irm.say(ipcp, { t: 'ipcp-allocated', flow: asked!.flow, qos: qosCubes.raw, params: PARAMS });
    expect(irm.of(client, 'allocated')).toMatchObject([{ layer: 'lo', params: PARAMS, peer: { pid: 0 } }]);
  });

  test('asks the IPCPs when it is not registered here, and takes the first that knows the name', () => {
    const irm = new TestIrm();
    const [a, b] = [bringUp(irm, 'a'), bringUp(irm, 'b')];
    const client = irm.join();
    irm.ask(client, { t: 'name-create', name: 'n' });
    irm.alloc(client, 1, 'n', { direct: false });
    answerLast(irm, a, false);
    answerLast(irm, b, true);
    expect([irm.of(a, 'ipcp-alloc').length, irm.of(b, 'ipcp-alloc').length]).toEqual([0, 1]);
  });

  test('fails when no IPCP knows the name', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    const client = irm.join();
    irm.ask(client, { t: 'name-create', name: 'n' });
    irm.alloc(client, 1, 'n', { direct: false });
    answerLast(irm, ipcp, false);
    expect(irm.of(client, 'error')).toMatchObject([{ code: 'FLOWRING_UNREACHABLE_NAME' }]);
  });

  test('for a name that only another host knows goes to the layer that does', () => {
    const irm = new TestIrm();
    const local = bringUp(irm, 'lo');
    const net = bringUp(irm, 'net', {}, 'udp');
    const client = irm.join();
    irm.alloc(client, 1, 'far');
    answerLast(irm, local, false);
    answerLast(irm, net, true);
    expect(irm.of(net, 'ipcp-alloc')).toMatchObject([{ name: 'far' }]);
  });

  test('for a name that nobody knows fails, and leaves nothing', () => {
    const irm = new TestIrm();
    const net = bringUp(irm, 'net', {}, 'udp');
    const client = irm.join();
    irm.alloc(client, 1, 'far');
    answerLast(irm, net, false);
    expect(irm.of(client, 'error')).toMatchObject([{ code: 'FLOWRING_NAME_UNKNOWN' }]);
    expect(irm.machine.population).toMatchObject({ names: 0, flows: 0, timers: 0, errands: 0 });
  });

  test('says so when the layer could not learn who has the name', () => {
    const irm = new TestIrm();
    const net = bringUp(irm, 'net', {}, 'udp');
    const client = irm.join();
    irm.alloc(client, 1, 'far');
    const { req } = irm.of(net, 'ipcp-query')[0]!;
    irm.say(net, { t: 'error', req, code: 'FLOWRING_DIRECTORY', message: 'silence' });
    expect(irm.of(client, 'error')).toMatchObject([{ code: 'FLOWRING_DIRECTORY', message: 'silence' }]);
  });

  test('fails when there is no such layer', () => {
    const irm = new TestIrm();
    const client = irm.join();
    irm.ask(client, { t: 'name-create', name: 'n' });
    irm.alloc(client, 1, 'n', { layer: 'moon' });
    expect(irm.of(client, 'error')).toMatchObject([{ code: 'FLOWRING_LAYER_UNKNOWN' }]);
  });

  test('that times out is given up at the IPCP too, and freed when that has let go', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    const client = irm.join();
    irm.ask(client, { t: 'name-register', name: 'n', layer: 'lo' });
    irm.alloc(client, 1, 'n', { layer: 'lo', timeoutMs: 100 });
    irm.advance(100);
    expect(irm.of(client, 'error')).toMatchObject([
      { code: 'FLOWRING_TIMEOUT', details: { phase: 'layer' } },
    ]);
    const [released] = irm.of(ipcp, 'ipcp-dealloc');
    irm.say(ipcp, { t: 'ipcp-allocated', flow: released!.flow, qos: qosCubes.raw, params: PARAMS });
    irm.say(ipcp, { t: 'ipcp-released', flow: released!.flow });
    expect(irm.machine.population.flows).toBe(0);
    expect(irm.of(client, 'allocated')).toEqual([]);
  });

  test('that arrives is matched to an acceptor, and told to the IPCP', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    const server = irm.join();
    irm.accept(server, 'n', 1);
    incoming(irm, ipcp, 7, 'n');
    expect(irm.of(server, 'offer')).toMatchObject([
      { name: 'n', layer: 'lo', params: PARAMS, peer: { pid: 0 } },
    ]);
    expect(irm.of(ipcp, 'ipcp-accept')).toMatchObject([
      { incoming: 7, flow: irm.of(server, 'offer')[0]!.flow },
    ]);
  });

  test('that arrives for a name nobody serves is refused', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    irm.ask(0, { t: 'name-create', name: 'n' });
    incoming(irm, ipcp, 7, 'n');
    irm.advance(1_000);
    expect(irm.of(ipcp, 'ipcp-refuse')).toMatchObject([{ incoming: 7, code: 'FLOWRING_NO_ACCEPTOR' }]);
  });

  test('ends in two steps: the program lets go, then the IPCP', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    const server = irm.join();
    irm.accept(server, 'n', 1);
    incoming(irm, ipcp, 7, 'n');
    const { flow } = irm.of(server, 'offer')[0]!;
    irm.say(server, { t: 'dealloc', flow });
    expect(irm.of(ipcp, 'ipcp-dealloc')).toMatchObject([{ flow }]);
    expect(irm.machine.population.flows).toBe(1);
    irm.say(ipcp, { t: 'ipcp-released', flow });
    expect(irm.machine.population.flows).toBe(0);
  });

  test('is released at the IPCP when its program dies', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    const server = irm.join();
    irm.accept(server, 'n', 1);
    incoming(irm, ipcp, 7, 'n');
    irm.gone(server);
    expect(irm.of(ipcp, 'ipcp-dealloc')).toHaveLength(1);
    expect(irm.of(ipcp, 'peer-gone')).toHaveLength(1);
  });

  test('fails when the IPCP dies before it answered', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    const client = irm.join();
    irm.ask(client, { t: 'name-register', name: 'n', layer: 'lo' });
    irm.alloc(client, 1, 'n', { layer: 'lo' });
    irm.gone(ipcp);
    expect(irm.replyTo(client, 1)).toMatchObject({ code: 'FLOWRING_IPCP' });
    expect(irm.of(client, 'peer-gone')).toHaveLength(1);
    expect(irm.machine.population.flows).toBe(0);
  });

  test('whose requester gives up while it is being accepted is released by the IPCP too', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    const server = irm.join();
    irm.accept(server, 'n', 1);
    incoming(irm, ipcp, 7, 'n');
    irm.say(ipcp, { t: 'ipcp-incoming-gone', incoming: 7 });
    const { flow } = irm.of(server, 'offer')[0]!;
    irm.say(server, { t: 'dealloc', flow });
    expect(irm.of(ipcp, 'ipcp-dealloc')).toMatchObject([{ flow }]);
    irm.say(ipcp, { t: 'ipcp-released', flow });
    expect(irm.machine.population.flows).toBe(0);
  });
});

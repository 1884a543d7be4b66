import { describe, expect, test } from '@jest/globals';
import { TestIrm } from './support/test-irm.ts';
import { answerLast, bringUp, startChild } from './support/test-layer.ts';

function spawned(irm: TestIrm, type: 'spawn-ipcp' | 'spawn-program'): number[] {
  return irm.effects.flatMap((effect) => (effect.type === type && 'child' in effect ? [effect.child] : []));
}

describe('an IPCP', () => {
  test('that crashes is started again after a pause, bootstrapped, and has its names registered', () => {
    const irm = new TestIrm();
    const first = bringUp(irm, 'lo');
    irm.ask(0, { t: 'name-register', name: 'n', layer: 'lo' });
    answerLast(irm, first);
    irm.gone(first);
    irm.input({ type: 'child-exited', child: spawned(irm, 'spawn-ipcp')[0]!, outcome: 'killed by SIGKILL' });
    irm.advance(249);
    expect(spawned(irm, 'spawn-ipcp')).toHaveLength(1);
    irm.advance(1);
    const second = startChild(irm, 'lo');
    expect(irm.of(second, 'ipcp-bootstrap')).toMatchObject([{ layer: 'lo' }]);
    answerLast(irm, second);
    expect(irm.of(second, 'ipcp-register')).toMatchObject([{ name: 'n' }]);
  });

  test('is bootstrapped with its configuration, at first and after a crash, and shows it', () => {
    const irm = new TestIrm();
    const config = { port: 3435, names: { n: '10.0.0.2' } };
    const first = bringUp(irm, 'net', config);
    expect(irm.of(first, 'ipcp-bootstrap')).toMatchObject([{ config }]);
    irm.gone(first);
    irm.input({ type: 'child-exited', child: spawned(irm, 'spawn-ipcp')[0]!, outcome: 'killed by SIGKILL' });
    irm.advance(250);
    const second = startChild(irm, 'net');
    expect(irm.of(second, 'ipcp-bootstrap')).toMatchObject([{ config }]);
    expect(irm.ask(0, { t: 'ipcp-list' })).toMatchObject({ value: { rows: [{ config }] } });
  });

  test('that refuses its configuration says which key, and can be bootstrapped again', () => {
    const irm = new TestIrm();
    irm.ask(0, { t: 'ipcp-create', ipcp: 'net', type: 'local' });
    const ipcp = startChild(irm, 'net');
    irm.ask(0, { t: 'ipcp-configure', ipcp: 'net', layer: 'net', config: { prot: 1 } });
    const { req } = irm.of(ipcp, 'ipcp-bootstrap')[0]!;
    irm.say(ipcp, { t: 'error', req, code: 'FLOWRING_CONFIG', message: 'prot?', details: { key: 'prot' } });
    expect(irm.of(0, 'error')).toMatchObject([
      { code: 'FLOWRING_CONFIG', message: 'prot?', details: { key: 'prot' } },
    ]);
    expect(irm.ask(0, { t: 'ipcp-list' })).toMatchObject({
      value: { rows: [{ state: 'idle', config: {} }] },
    });
    irm.ask(0, { t: 'ipcp-configure', ipcp: 'net', layer: 'net' });
    answerLast(irm, ipcp);
    expect(irm.ask(0, { t: 'ipcp-list' })).toMatchObject({ value: { rows: [{ state: 'operational' }] } });
  });

  test('that crashes again and again waits longer each time, up to a bound', () => {
    const irm = new TestIrm();
    bringUp(irm, 'lo');
    const pauses: number[] = [];
    for (let time = 0; time < 8; time += 1) {
      irm.input({ type: 'child-exited', child: spawned(irm, 'spawn-ipcp').at(-1)!, outcome: 'exit code 1' });
      pauses.push((irm.machine.nextTimeout()! - irm.nowUs) / 1_000);
      irm.advance(pauses.at(-1)!);
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  test('that never says hello fails its creation and leaves nothing', () => {
    const irm = new TestIrm();
    irm.ask(0, { t: 'ipcp-create', ipcp: 'lo', type: 'local' });
    irm.advance(10_000);
    expect(irm.effects.at(-1)).toMatchObject({ type: 'kill' });
    irm.input({ type: 'child-exited', child: 1, outcome: 'killed by SIGTERM' });
    expect(irm.of(0, 'error')).toMatchObject([{ code: 'FLOWRING_IPCP' }]);
    expect(irm.machine.population.timers).toBe(0);
  });

  test('that is destroyed is not started again', () => {
    const irm = new TestIrm();
    const ipcp = bringUp(irm, 'lo');
    irm.ask(0, { t: 'ipcp-destroy', ipcp: 'lo' });
    irm.gone(ipcp);
    irm.input({ type: 'child-exited', child: 1, outcome: 'killed by SIGTERM' });
    irm.advance(60_000);
    expect(spawned(irm, 'spawn-ipcp')).toHaveLength(1);
    expect(irm.ask(0, { t: 'ipcp-list' })).toMatchObject({ value: { rows: [] } });
  });

  test('whose token nobody was given is dropped', () => {
    const irm = new TestIrm();
    const process = irm.join({ kind: 'ipcp', token: 'made up' });
    expect(irm.effects).toContainEqual(expect.objectContaining({ type: 'drop', process }));
  });

  test('of an unknown type is refused', () => {
    const irm = new TestIrm();
    irm.ask(0, { t: 'ipcp-create', ipcp: 'x', type: 'carrier-pigeon' });
    expect(irm.of(0, 'error')).toMatchObject([{ code: 'FLOWRING_IPCP_TYPE' }]);
  });
});

describe('a program bound with auto', () => {
  function scene(): { irm: TestIrm; client: number } {
    const irm = new TestIrm();
    const client = irm.join();
    irm.ask(client, { t: 'name-create', name: 'n' });
    irm.ask(client, { t: 'bind-program', program: '/bin/s', name: 'n', auto: true, args: ['-l'] });
    return { irm, client };
  }

  test('is started once for many requests, and gets them all', () => {
    const { irm, client } = scene();
    for (let req = 1; req <= 3; req += 1) irm.alloc(client, req, 'n');
    expect(irm.effects.filter((effect) => effect.type === 'spawn-program')).toMatchObject([
      { program: '/bin/s', args: ['-l'], uid: 1_000 },
    ]);
    const server = irm.join({ path: '/bin/s', program: 's' });
    irm.accept(server, undefined, 3);
    expect(irm.of(client, 'allocated')).toHaveLength(3);
  });

  test('that ends before it accepts fails what waits for it, and rests before it is tried again', () => {
    const { irm, client } = scene();
    irm.alloc(client, 1, 'n');
    irm.input({ type: 'child-exited', child: 1, outcome: 'exit code 3' });
    expect(irm.of(client, 'error')).toMatchObject([
      { code: 'FLOWRING_SPAWN', details: { reason: 'exit code 3' } },
    ]);
    irm.alloc(client, 2, 'n');
    expect(spawned(irm, 'spawn-program')).toHaveLength(1);
    irm.advance(250);
    expect(spawned(irm, 'spawn-program')).toHaveLength(2);
  });

  test('that does not accept in time is ended', () => {
    const { irm, client } = scene();
    irm.alloc(client, 1, 'n', { timeoutMs: 60_000 });
    irm.advance(10_000);
    expect(irm.effects).toContainEqual({ type: 'kill', child: 1 });
    expect(irm.of(client, 'error')).toMatchObject([{ code: 'FLOWRING_SPAWN' }]);
  });

  test('that died is started again for a request that waited for it', () => {
    const { irm, client } = scene();
    irm.alloc(client, 1, 'n');
    const server = irm.join({ path: '/bin/s', program: 's' });
    irm.accept(server, undefined, 1);
    irm.alloc(client, 2, 'n');
    irm.gone(server);
    irm.input({ type: 'child-exited', child: 1, outcome: 'killed by SIGKILL' });
    expect(spawned(irm, 'spawn-program')).toHaveLength(2);
  });

  test('is not started any more once it is unbound', () => {
    const { irm, client } = scene();
    irm.ask(client, { t: 'unbind-program', program: '/bin/s' });
    irm.alloc(client, 1, 'n');
    irm.advance(1_000);
    expect(spawned(irm, 'spawn-program')).toEqual([]);
    expect(irm.of(client, 'error')).toMatchObject([{ code: 'FLOWRING_NO_ACCEPTOR' }]);
  });
});

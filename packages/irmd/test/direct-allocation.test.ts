import { describe, expect, test } from '@jest/globals';
import { TestIrm } from './support/test-irm.ts';

describe('direct allocation', () => {
  test('an acceptor with credit gets the offer and the client its flow in the same turn', () => {
    const irm = new TestIrm();
    const server = irm.join();
    const client = irm.join();
    irm.accept(server, 'oecho', 1);
    irm.alloc(client, 1, 'oecho');
    const [offer] = irm.of(server, 'offer');
    const [allocated] = irm.of(client, 'allocated');
    expect(offer).toMatchObject({ name: 'oecho', decide: false, flow: allocated!.flow, peer: { pid: 102 } });
    expect(allocated).toMatchObject({ req: 1, channel: offer!.channel, peer: { pid: 101, uid: 1_000 } });
    expect([allocated!.open?.side, offer!.open?.side]).toEqual(['a', 'b']);
  });

  test('an endpoint is freed when both sides have deallocated', () => {
    const irm = new TestIrm();
    const server = irm.join();
    const client = irm.join();
    irm.accept(server, 'oecho', 1);
    irm.alloc(client, 1, 'oecho');
    const { flow } = irm.of(client, 'allocated')[0]!;
    irm.say(client, { t: 'dealloc', flow });
    expect(irm.machine.population.flows).toBe(1);
    irm.say(server, { t: 'dealloc', flow });
    expect(irm.machine.population.flows).toBe(0);
  });
});

test('A daemon that cannot make shared memory joins two programs that can over a unix socket', () => {
  const irm = new TestIrm({ channelKinds: ['unix'] });
  irm.accept(irm.join(), 'n', 1);
  const client = irm.join();
  irm.alloc(client, 1, 'n');
  expect(irm.of(client, 'allocated')[0]!.open).toMatchObject({ kind: 'unix' });
});

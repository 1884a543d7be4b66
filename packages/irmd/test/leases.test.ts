import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { TestIrm } from './support/test-irm.ts';

const { raw: qos } = qosCubes;

/** A server that accepts on `n` and a client that has a lease on it. */
function leased(credit = 8): { irm: TestIrm; client: number; server: number; lease: number } {
  const irm = new TestIrm();
  const server = irm.join();
  irm.accept(server, 'n', credit);
  const client = irm.join();
  irm.alloc(client, 1, 'n', { lease: true });
  return { irm, client, server, lease: irm.of(client, 'allocated')[0]!.lease! };
}

const firstLease = (irm: TestIrm, client: number) => irm.of(client, 'allocated').at(-1)!.lease;
const flows = (irm: TestIrm) => irm.machine.population.flows;

describe('a lease', () => {
  test('is given, the same to both, where one accept loop serves the name', () => {
    const { irm, server, lease } = leased();
    expect(lease).toBeGreaterThanOrEqual(0x4000_0000);
    expect(irm.of(server, 'offer')[0]!.lease).toBe(lease);
  });

  test('is not given unless asked for', () => {
    const irm = new TestIrm();
    irm.accept(irm.join(), 'n', 8);
    const client = irm.join();
    irm.alloc(client, 1, 'n');
    expect(firstLease(irm, client)).toBeUndefined();
  });

  test.each([
    ['decides on each flow', 8, { decide: true }],
    ['has no credit left', 1, {}],
  ])('is not given where the server %s', (_why, credit, more) => {
    const irm = new TestIrm();
    const server = irm.join();
    irm.accept(server, 'n', credit, more);
    const client = irm.join();
    irm.alloc(client, 1, 'n', { lease: true });
    for (const { flow } of irm.of(server, 'offer').filter((one) => one.decide)) {
      irm.say(server, { t: 'answer', flow });
    }
    expect(irm.of(client, 'allocated')).toHaveLength(1);
    expect(firstLease(irm, client)).toBeUndefined();
  });

  test('is not given where two processes serve the name, nor by two loops of one', () => {
    for (const second of ['other', 'same'] as const) {
      const irm = new TestIrm();
      const server = irm.join();
      irm.accept(server, 'n', 8);
      irm.accept(second === 'same' ? server : irm.join(), 'n', 8, { acceptor: 2 });
      const client = irm.join();
      irm.alloc(client, 1, 'n', { lease: true });
      expect(firstLease(irm, client)).toBeUndefined();
    }
  });

  test('is not given for a flow to oneself', () => {
    const irm = new TestIrm();
    const both = irm.join();
    irm.accept(both, 'n', 8);
    irm.alloc(both, 1, 'n', { lease: true });
    expect(firstLease(irm, both)).toBeUndefined();
  });

  test('ends when another process comes to serve the name', () => {
    const { irm, client, lease } = leased();
    irm.accept(irm.join(), 'n', 1);
    expect(irm.of(client, 'lease-over')).toMatchObject([{ lease }]);
  });

  test('ends when the name goes, and when its server is unbound', () => {
    for (const order of ['name-destroy', 'unbind-process'] as const) {
      const { irm, client, server, lease } = leased();
      const pid = 100 + server;
      irm.ask(client, order === 'name-destroy' ? { t: order, name: 'n' } : { t: order, pid, name: 'n' });
      expect(irm.of(client, 'lease-over')).toMatchObject([{ lease }]);
    }
  });

  test('is forgotten with the channel of the two', () => {
    const { irm, server } = leased();
    expect(irm.machine.population.leases).toBe(1);
    irm.gone(server);
    expect(irm.machine.population.leases).toBe(0);
  });

  test('takes the place of the one before to that name', () => {
    const { irm, client, lease } = leased();
    irm.alloc(client, 2, 'n', { lease: true });
    expect(firstLease(irm, client)).toBe(lease + 256);
    expect(irm.machine.population.leases).toBe(1);
  });

  test('shares no id with a flow that has outlived the lease before', () => {
    const { irm, client, lease } = leased();
    irm.say(client, { t: 'opened', flow: lease + 3, qos });
    for (let req = 2; req < 200; req++) irm.alloc(client, req, 'n', { lease: true });
    const leases = irm.of(client, 'allocated').map((one) => one.lease);
    expect(leases.filter((one) => one === lease)).toHaveLength(1);
  });
});

describe('a flow opened on a lease', () => {
  test('is in the registry from the first word of it, and allocated when both have told', () => {
    const { irm, client, server, lease } = leased();
    irm.say(client, { t: 'opened', flow: lease, qos });
    expect(flows(irm)).toBe(2);
    irm.say(server, { t: 'opened', flow: lease, qos });
    expect(flows(irm)).toBe(2);
    const events = irm.effects.filter((one) => one.type === 'publish' && one.event === 'flow-up');
    expect(events).toHaveLength(2);
  });

  test.each([
    ['client first', ['client', 'server']],
    ['server first', ['server', 'client']],
  ] as const)('goes when both ends have deallocated: %s', (_name, order) => {
    const { irm, lease, ...who } = leased();
    for (const end of order) irm.say(who[end], { t: 'opened', flow: lease, qos });
    irm.say(who[order[0]], { t: 'dealloc', flow: lease });
    expect(flows(irm)).toBe(2);
    irm.say(who[order[1]], { t: 'dealloc', flow: lease });
    expect(flows(irm)).toBe(1);
    expect(irm.machine.counters.stale).toBe(0);
  });

  test('is allocated when its second end tells of it after the next lease was given', () => {
    const { irm, client, server, lease } = leased();
    irm.say(client, { t: 'opened', flow: lease, qos });
    irm.alloc(client, 2, 'n', { lease: true });
    irm.say(server, { t: 'opened', flow: lease, qos });
    expect(irm.machine.counters.stale).toBe(0);
    irm.say(client, { t: 'dealloc', flow: lease });
    expect(flows(irm)).toBe(3);
    irm.say(server, { t: 'dealloc', flow: lease });
    expect(flows(irm)).toBe(2);
  });

  test.each(['client', 'server'] as const)(
    'goes with the half that was told of, when only the %s told',
    (end) => {
      const { irm, lease, ...who } = leased();
      irm.say(who[end], { t: 'opened', flow: lease, qos });
      irm.say(who[end], { t: 'dealloc', flow: lease });
      expect(flows(irm)).toBe(1);
    },
  );

  test('goes when both processes have died', () => {
    const { irm, client, server, lease } = leased();
    irm.say(client, { t: 'opened', flow: lease, qos });
    irm.say(server, { t: 'opened', flow: lease, qos });
    irm.gone(server);
    irm.gone(client);
    expect(irm.machine.population).toMatchObject({ flows: 0, leases: 0, channels: 0 });
  });

  test('is refused to strangers, and outside every lease', () => {
    const { irm, client, lease } = leased();
    irm.say(irm.join(), { t: 'opened', flow: lease, qos });
    irm.say(client, { t: 'opened', flow: lease + 256, qos });
    irm.say(client, { t: 'opened', flow: 1, qos });
    expect(flows(irm)).toBe(1);
    expect(irm.machine.counters.stale).toBe(3);
  });
});

import { describe, expect, test } from '@jest/globals';
import { TestIrm } from './support/test-irm.ts';

describe('a process bound by pid', () => {
  const target = { pid: 500, uid: 1_000, startTicks: 42 };

  function bound(): { irm: TestIrm; client: number } {
    const irm = new TestIrm();
    const client = irm.join();
    irm.ask(client, { t: 'name-create', name: 'n' });
    irm.ask(client, { t: 'bind-process', pid: 500, name: 'n' }, { target });
    return { irm, client };
  }

  test('serves the name when it registers', () => {
    const { irm, client } = bound();
    const server = irm.join({ pid: 500, startTicks: 42 });
    irm.accept(server, undefined, 1);
    irm.alloc(client, 1, 'n');
    expect(irm.of(server, 'offer')).toHaveLength(1);
  });

  test('is not mistaken for a later process of the same pid', () => {
    const { irm, client } = bound();
    const other = irm.join({ pid: 500, startTicks: 43 });
    irm.accept(other, undefined, 1);
    irm.alloc(client, 1, 'n');
    expect(irm.of(other, 'offer')).toEqual([]);
  });

  test('must be alive', () => {
    const irm = new TestIrm();
    const client = irm.join();
    irm.ask(client, { t: 'name-create', name: 'n' });
    const reply = irm.ask(client, { t: 'bind-process', pid: 500, name: 'n' }, { target: null });
    expect(reply).toMatchObject({ code: 'FLOWRING_NOT_FOUND' });
  });

  test('serves the name no more once it is unbound', () => {
    const { irm, client } = bound();
    const server = irm.join({ pid: 500, startTicks: 42 });
    irm.accept(server, undefined, 1);
    irm.ask(client, { t: 'unbind-process', pid: 500 });
    irm.alloc(client, 1, 'n');
    expect(irm.of(server, 'offer')).toEqual([]);
  });
});

describe('an acceptor without a name', () => {
  test('takes the oldest request of all names its process is bound to', () => {
    const irm = new TestIrm();
    const server = irm.join();
    irm.accept(server, 'a', 0, { acceptor: 1 });
    irm.accept(server, 'b', 0, { acceptor: 2 });
    const client = irm.join();
    irm.alloc(client, 1, 'b');
    irm.alloc(client, 2, 'a');
    irm.accept(server, undefined, 1, { acceptor: 3 });
    expect(irm.of(server, 'offer')).toMatchObject([{ name: 'b', acceptor: 3 }]);
  });
});

describe('a name made by accepting on it', () => {
  test('goes with the last acceptor', () => {
    const irm = new TestIrm();
    const server = irm.join();
    irm.accept(server, 'n', 1);
    expect(irm.machine.population.names).toBe(1);
    irm.say(server, { t: 'accept-close', acceptor: 1 });
    expect(irm.machine.population.names).toBe(0);
  });
});

describe('objects of another uid', () => {
  const commands: readonly (readonly [string, object])[] = [
    ['name-destroy', { t: 'name-destroy', name: 'n' }],
    ['bind-program', { t: 'bind-program', program: '/bin/p', name: 'n', auto: false, args: [] }],
    ['bind-process', { t: 'bind-process', pid: 1, name: 'n' }],
    ['ipcp-create', { t: 'ipcp-create', ipcp: 'x', type: 'local' }],
    ['shutdown', { t: 'shutdown' }],
  ];

  test.each(commands)('may not be changed by %s', (_name, message) => {
    const irm = new TestIrm();
    const owner = irm.join();
    irm.ask(owner, { t: 'name-create', name: 'n' });
    const stranger = irm.join({ uid: 2_000 });
    const target = { pid: 1, uid: 1_000, startTicks: 1 };
    expect(irm.ask(stranger, message, { target })).toMatchObject({ code: 'FLOWRING_PERMISSION' });
  });

  test('may be changed by root', () => {
    const irm = new TestIrm({ ownUid: 5 });
    const owner = irm.join();
    irm.ask(owner, { t: 'name-create', name: 'n' });
    const root = irm.join({ uid: 0 });
    expect(irm.ask(root, { t: 'name-destroy', name: 'n' })).toMatchObject({ t: 'ok' });
  });

  test('a name is not served by a stranger that accepts on it', () => {
    const irm = new TestIrm();
    const owner = irm.join();
    irm.ask(owner, { t: 'name-create', name: 'n' });
    const stranger = irm.join({ uid: 2_000 });
    irm.accept(stranger, 'n', 1, { req: 9 });
    expect(irm.replyTo(stranger, 9)).toMatchObject({ code: 'FLOWRING_PERMISSION' });
  });

  test('a flow is not deallocated or answered by a process that is no end of it', () => {
    const irm = new TestIrm();
    const [server, client, third] = [irm.join(), irm.join(), irm.join()];
    irm.accept(server, 'n', 1, { decide: true });
    irm.alloc(client, 1, 'n');
    irm.say(third, { t: 'answer', flow: 1 });
    irm.say(third, { t: 'dealloc', flow: 1 });
    expect(irm.of(client, 'allocated')).toEqual([]);
    expect(irm.machine.population.flows).toBe(1);
  });
});

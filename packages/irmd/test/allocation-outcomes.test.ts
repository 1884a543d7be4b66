import { describe, expect, test } from '@jest/globals';
import { TestIrm } from './support/test-irm.ts';

/** A daemon that knows the name, with a client. */
function scene(): { irm: TestIrm; client: number } {
  const irm = new TestIrm();
  const client = irm.join();
  irm.ask(client, { t: 'name-create', name: 'n' });
  return { irm, client };
}

describe('a request', () => {
  test('for an unknown name is refused at once', () => {
    const { irm, client } = scene();
    irm.alloc(client, 1, 'nobody');
    expect(irm.of(client, 'error')).toMatchObject([
      { req: 1, code: 'FLOWRING_NAME_UNKNOWN', details: { name: 'nobody' } },
    ]);
  });

  test('for a name that nobody serves is refused after the grace time', () => {
    const { irm, client } = scene();
    irm.alloc(client, 1, 'n');
    irm.advance(999);
    expect(irm.of(client, 'error')).toEqual([]);
    irm.advance(1);
    expect(irm.of(client, 'error')).toMatchObject([{ req: 1, code: 'FLOWRING_NO_ACCEPTOR' }]);
  });

  test('for a name whose process does not accept waits for its own timeout, and says how long and for what', () => {
    const { irm, client } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 0);
    irm.alloc(client, 1, 'n', { timeoutMs: 3_000 });
    irm.advance(2_999);
    expect(irm.of(client, 'error')).toEqual([]);
    irm.advance(1);
    expect(irm.of(client, 'error')).toMatchObject([
      { code: 'FLOWRING_TIMEOUT', details: { name: 'n', timeoutMs: 3_000, phase: 'accept' } },
    ]);
  });

  test('in its grace time is served by a process that comes to accept', () => {
    const { irm, client } = scene();
    irm.alloc(client, 1, 'n');
    irm.advance(500);
    irm.accept(irm.join(), 'n', 1);
    expect(irm.of(client, 'allocated')).toHaveLength(1);
  });

  test('of another uid does not get a direct flow', () => {
    const { irm } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 1);
    const stranger = irm.join({ uid: 2_000 });
    irm.alloc(stranger, 1, 'n');
    irm.advance(1_000);
    expect(irm.of(stranger, 'error')).toMatchObject([{ code: 'FLOWRING_NO_ACCEPTOR' }]);
  });

  test('that its server refuses gets the code of the refusal', () => {
    const { irm, client } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 1, { decide: true });
    irm.alloc(client, 1, 'n');
    const { flow } = irm.of(server, 'offer')[0]!;
    expect(irm.of(client, 'allocated')).toEqual([]);
    irm.say(server, { t: 'answer', flow, code: 'FLOWRING_AUTH' });
    expect(irm.of(client, 'error')).toMatchObject([{ code: 'FLOWRING_AUTH' }]);
  });

  test('carries a first message to the server and the answer back', () => {
    const { irm, client } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 1, { decide: true });
    irm.alloc(client, 1, 'n', { data: Uint8Array.of(1) });
    const [offer] = irm.of(server, 'offer');
    expect(offer!.data).toEqual(Uint8Array.of(1));
    irm.say(server, { t: 'answer', flow: offer!.flow, data: Uint8Array.of(2) });
    expect(irm.of(client, 'allocated')[0]!.data).toEqual(Uint8Array.of(2));
  });

  test('that is cancelled while its server decides is withdrawn from the server', () => {
    const { irm, client } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 1, { decide: true });
    irm.alloc(client, 1, 'n');
    irm.say(client, { t: 'cancel', req: 1 });
    expect(irm.of(client, 'error')).toMatchObject([{ req: 1, code: 'FLOWRING_ABORTED' }]);
    expect(irm.of(server, 'offer-withdrawn')).toMatchObject([{ flow: 1, code: 'FLOWRING_ABORTED' }]);
    expect(irm.machine.population.flows).toBe(0);
  });

  test('between processes without a common kind of channel is refused, and the acceptor keeps its credit', () => {
    const { irm } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 1);
    const odd = irm.join({ channels: [] });
    irm.alloc(odd, 1, 'n');
    expect(irm.of(odd, 'error')).toMatchObject([{ code: 'FLOWRING_CHANNEL' }]);
    const other = irm.join();
    irm.alloc(other, 1, 'n');
    expect(irm.of(other, 'allocated')).toHaveLength(1);
  });

  test('that is cancelled while its channel is being made gives the credit to the next', () => {
    const { irm, client } = scene();
    irm.channelsAtOnce = false;
    const server = irm.join();
    irm.accept(server, 'n', 1);
    irm.alloc(client, 1, 'n');
    irm.say(client, { t: 'cancel', req: 1 });
    irm.alloc(client, 2, 'n');
    irm.makeChannels();
    expect(irm.of(client, 'allocated')).toMatchObject([{ req: 2 }]);
  });

  test('whose server dies while the channel is being made goes to the next server, and no files stay', () => {
    const { irm, client } = scene();
    irm.channelsAtOnce = false;
    const [first, second] = [irm.join(), irm.join()];
    irm.accept(first, 'n', 1);
    irm.alloc(client, 1, 'n');
    irm.accept(second, 'n', 1);
    irm.gone(first);
    irm.makeChannels();
    expect(irm.of(second, 'offer')).toHaveLength(1);
    expect(irm.effects.filter((effect) => effect.type === 'unlink-channel')).toMatchObject([
      { path: '/tmp/ch-1' },
    ]);
  });

  test('that waits when its client dies gets none of the credit of its brothers: no channel is made for the dead', () => {
    const irm = new TestIrm();
    irm.channelsAtOnce = false;
    const server = irm.join();
    const client = irm.join();
    irm.accept(server, 'oecho', 1);
    irm.alloc(client, 1, 'oecho');
    irm.alloc(client, 2, 'oecho');
    irm.gone(client);
    irm.makeChannels();
    expect(irm.effects.filter((effect) => effect.type === 'make-channel')).toHaveLength(1);
    expect(irm.machine.population).toMatchObject({ flows: 0, channels: 0 });
  });

  test('of a process to itself gives the two ends two channel ids over the same files', () => {
    const { irm, client } = scene();
    irm.accept(client, 'n', 1);
    irm.alloc(client, 1, 'n');
    const [offer] = irm.of(client, 'offer');
    const [allocated] = irm.of(client, 'allocated');
    expect(offer!.flow).toBe(allocated!.flow);
    expect(offer!.channel).not.toBe(allocated!.channel);
    expect(offer!.open!.path).toBe(allocated!.open!.path);
  });

  test('64 at once are served in order of arrival as credit comes', () => {
    const { irm } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 0);
    const clients = Array.from({ length: 64 }, () => irm.join());
    for (const client of clients) irm.alloc(client, 1, 'n');
    for (let at = 0; at < 64; at += 1) irm.accept(server, 'n', 1);
    const served = irm.sent.filter(({ message }) => message.t === 'allocated').map(({ process }) => process);
    expect(served).toEqual(clients);
  });
});

describe('a channel', () => {
  test('is made once for two processes and opened until each says that it did', () => {
    const { irm, client } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 3);
    irm.alloc(client, 1, 'n');
    irm.say(client, { t: 'channel-up', channel: 1 });
    irm.alloc(client, 2, 'n');
    expect(irm.effects.filter((effect) => effect.type === 'make-channel')).toHaveLength(1);
    expect(irm.of(client, 'allocated').map((one) => one.open?.side)).toEqual(['a', undefined]);
    expect(irm.of(server, 'offer').map((one) => one.open?.side)).toEqual(['b', 'b']);
  });

  test("has its files unlinked when both ends are up, or when one's process dies", () => {
    const { irm, client } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 1);
    irm.alloc(client, 1, 'n');
    const unlinked = (): number => irm.effects.filter((effect) => effect.type === 'unlink-channel').length;
    irm.say(client, { t: 'channel-up', channel: 1 });
    expect(unlinked()).toBe(0);
    irm.say(server, { t: 'channel-up', channel: 1 });
    expect(unlinked()).toBe(1);
    irm.gone(server);
    expect(unlinked()).toBe(1);
  });

  test('that ends with a process is told of once to the other', () => {
    const { irm, client } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 2);
    irm.alloc(client, 1, 'n');
    irm.alloc(client, 2, 'n');
    irm.gone(server);
    expect(irm.of(client, 'peer-gone')).toEqual([{ t: 'peer-gone', channel: 1 }]);
  });

  test("that was given up while it was being made is nobody's to report down", () => {
    const irm = new TestIrm();
    irm.channelsAtOnce = false;
    const server = irm.join();
    const client = irm.join();
    irm.accept(server, 'oecho', 1);
    irm.alloc(client, 1, 'oecho');
    irm.gone(server);
    const [channel] = irm.pendingChannels;
    irm.say(client, { t: 'channel-down', channel: channel! });
    expect(irm.of(server, 'peer-gone')).toEqual([]);
  });

  test('that one end reports down is replaced for the next flow', () => {
    const { irm, client } = scene();
    const server = irm.join();
    irm.accept(server, 'n', 2);
    irm.alloc(client, 1, 'n');
    irm.say(client, { t: 'channel-down', channel: 1 });
    expect(irm.of(server, 'peer-gone')).toHaveLength(1);
    irm.alloc(client, 2, 'n');
    expect(irm.of(client, 'allocated')[1]).toMatchObject({ channel: 2, open: { side: 'a' } });
  });
});

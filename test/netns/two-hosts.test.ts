import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { startRemoteProgram } from '../scenarios/remote-program.mjs';
import { until } from '../scenarios/until.mjs';
import { describeOnTwoHosts } from './support/describe-on-two-hosts.ts';
import { NetworkNamespace } from './support/network-namespace.ts';
import { TwoHosts } from './support/two-hosts.ts';
import type { Side } from './relay/relaying.ts';
import type { Heard } from './support/udp-program.ts';

const RUNNER = path.resolve(import.meta.dirname, '../support/typescript-program.mjs');
const PROGRAM = path.join(import.meta.dirname, 'support/udp-program.ts');
const PORT = 4_000;

type Program = Awaited<ReturnType<typeof startRemoteProgram>>;

/** Two hosts with a program each for all tests of a group. */
class Pair {
  hosts!: TwoHosts;
  readonly #programs = new Map<Side, Program>();

  async start(hosts: TwoHosts): Promise<void> {
    this.hosts = hosts;
    for (const side of ['a', 'b'] as const) await this.#startProgram(side);
  }

  async stop(): Promise<void> {
    for (const program of this.#programs.values()) await program.stop();
    await this.hosts.remove();
  }

  async #startProgram(side: Side): Promise<void> {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const entry = this.hosts[side].entry;
    const program = await startRemoteProgram({ args: [RUNNER, PROGRAM], env, entry });
    this.#programs.set(side, program);
    await program.call('open', this.hosts.addresses[side].own, PORT);
  }

  send(from: Side, ...texts: string[]): Promise<void> {
    return this.sendTo(PORT, from, ...texts);
  }

  async sendTo(port: number, from: Side, ...texts: string[]): Promise<void> {
    await this.#programs.get(from)!.call('send', texts, this.hosts.addresses[from].peer, port);
  }

  /** What came in since it was asked last. */
  heard(by: Side): Promise<readonly Heard[]> {
    return this.#programs.get(by)!.call('heard') as Promise<readonly Heard[]>;
  }

  /** Waits for `text`; resolves to all that came in until then. */
  async hears(by: Side, text: string): Promise<readonly Heard[]> {
    const all: Heard[] = [];
    await until(async () => {
      all.push(...(await this.heard(by)));
      return all.some((one) => one.text === text);
    }, `"${text}" arrives`);
    return all;
  }
}

describeOnTwoHosts.each([4, 6] as const)('two hosts on a cable, IPv%i', (family) => {
  const pair = new Pair();
  beforeAll(async () => pair.start(await TwoHosts.joined(family)));
  afterAll(() => pair.stop());

  test('speak UDP', async () => {
    await pair.send('a', 'hello');
    const { addresses } = pair.hosts;
    expect(await pair.hears('b', 'hello')).toEqual([
      { text: 'hello', address: addresses.b.peer, port: PORT },
    ]);
  });

  test('lose what the kernel of the receiver is told to, until it is told otherwise', async () => {
    const { hosts } = pair;
    hosts.faults('b', { lossPct: 100 });
    await pair.send('a', 'lost');
    await pair.send('b', 'the other way');
    await pair.hears('a', 'the other way');
    hosts.faults('b', { mtuBytes: 1_000 });
    await pair.send('a', 'x'.repeat(973), 'small');
    expect((await pair.hears('b', 'small')).length).toBe(1);
    hosts.faults('b', {});
    await pair.send('a', 'y'.repeat(1_400));
    expect((await pair.hears('b', 'y'.repeat(1_400))).length).toBe(1);
  });

  test('hear nothing of each other while the cable is out', async () => {
    pair.hosts.plug(false);
    await pair.send('a', 'lost');
    await pair.send('b', 'lost');
    pair.hosts.plug(true);
    await pair.send('a', 'heard');
    await pair.send('b', 'heard');
    expect((await pair.hears('a', 'heard')).length).toBe(1);
    expect((await pair.hears('b', 'heard')).length).toBe(1);
  });
});

describeOnTwoHosts('two hosts with a relay between them', () => {
  const pair = new Pair();
  beforeAll(async () => pair.start(await TwoHosts.relayed({ port: PORT })));
  afterAll(() => pair.stop());
  beforeEach(() => pair.hosts.relay!.impair({}));

  test('speak through it, and each takes it for the other', async () => {
    await pair.send('a', 'there');
    const [heard] = await pair.hears('b', 'there');
    expect(heard!.address).toBe(pair.hosts.addresses.b.peer);
    await pair.sendTo(heard!.port, 'b', 'and back');
    expect(await pair.hears('a', 'and back')).toEqual([
      { text: 'and back', address: pair.hosts.addresses.a.peer, port: PORT },
    ]);
  });

  test('have its faults on the way they are set for', async () => {
    const relay = pair.hosts.relay!;
    await relay.impairFrom('a', { duplicatePct: 100, duplicateCopies: 2, delayUs: 5_000 });
    await pair.send('a', 'thrice');
    let copies = 0;
    await until(async () => (copies += (await pair.heard('b')).length) === 3, 'three copies arrive');
    await pair.send('b', 'once', 'last');
    expect((await pair.hears('a', 'last')).length).toBe(2);
    expect(await relay.counts('a')).toMatchObject({ duplicates: 2 });
    expect(await relay.counts('b')).toMatchObject({ duplicates: 0 });
  });

  test('change their port when it forgets a mapping', async () => {
    const fresh = await pair.hosts.relay!.rebind('a');
    await pair.send('b', 'to the old port');
    await pair.send('a', 'from the new');
    expect((await pair.hears('b', 'from the new'))[0]!.port).toBe(fresh);
    await pair.sendTo(fresh, 'b', 'to the new');
    expect((await pair.hears('a', 'to the new')).length).toBe(1);
  });

  test('are recorded, and what was recorded can be sent again', async () => {
    const relay = pair.hosts.relay!;
    await relay.record(10);
    await pair.send('a', 'again');
    await pair.hears('b', 'again');
    const recorded = await relay.recorded();
    expect(recorded.map(({ from, datagram }) => [from, Buffer.from(datagram).toString()])).toEqual([
      ['a', 'again'],
    ]);
    await relay.inject('a', [recorded[0]!.datagram]);
    await pair.hears('b', 'again');
  });
});

describeOnTwoHosts('a network namespace', () => {
  test('is gone when its maker removes it', async () => {
    const made = await NetworkNamespace.make('short');
    const { pid } = made;
    expect(fs.existsSync(`/proc/${pid}/ns/net`)).toBe(true);
    await made.remove();
    expect(fs.existsSync(`/proc/${pid}`)).toBe(false);
  });

  test('is gone when its maker is killed', async () => {
    const runner = path.join(import.meta.dirname, 'support/namespace-program.ts');
    const env = { ...process.env, NODE_OPTIONS: '' };
    const maker = await startRemoteProgram({ args: [RUNNER, runner], env });
    const pid = await maker.call('make');
    expect(fs.existsSync(`/proc/${String(pid)}/ns/net`)).toBe(true);
    maker.kill9();
    await maker.exited;
    await until(() => !fs.existsSync(`/proc/${String(pid)}/ns/net`), 'the holder has ended');
  });
});

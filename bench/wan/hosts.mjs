// Two hosts, each a network namespace with a daemon and an IPCP of one udp layer, and between them a path for TCP and UDP
// alike (ip-relay.mjs). Root on Linux, with /dev/net/tun.
import path from 'node:path';
import { NetworkNamespace } from '../../test/netns/support/network-namespace.ts';
import { startPrivateDaemon } from '../../test/scenarios/private-daemon.mjs';
import { startRemoteProgram } from '../../test/scenarios/remote-program.mjs';

export const ADDRESSES = { a: '192.0.2.1', b: '192.0.2.2' };
export const NAME = 'wan';
const LAYER = 'net';
const UDP_PORT = 3_436;
const DEVICES = { a: 'to-a', b: 'to-b' };
/** Packets that wait for the relay to read them: it decides what is dropped, not the interface before it. */
const DEVICE_QUEUE = 10_000;

/** A path is not late because the hosts' programs are busy. */
const AT_ONCE = ['chrt', '--rr', '60'];

const at = (file) => path.join(import.meta.dirname, file);
const RUNNER = path.resolve(import.meta.dirname, '../../test/support/typescript-program.mjs');

/** Host `a` sends, host `b` serves {@link NAME}. */
export class WanHosts {
  #spaces = {};
  #daemons = [];
  #programs = [];
  relay;
  sender;
  receiver;

  static async start(seed = 1) {
    const hosts = new WanHosts();
    try {
      await hosts.#join(seed);
      const [a, b] = await Promise.all([hosts.#startDaemon('a'), hosts.#startDaemon('b')]);
      hosts.sender = await hosts.#program([at('end.mjs')], hosts.#spaces.a.entry, a.env);
      hosts.receiver = await hosts.#program([at('end.mjs')], hosts.#spaces.b.entry, b.env);
      await hosts.receiver.call('serve', ADDRESSES.b, NAME);
    } catch (error) {
      await hosts.stop();
      throw error;
    }
    return hosts;
  }

  async #join(seed) {
    const spaces = this.#spaces;
    for (const name of ['a', 'b', 'wire']) spaces[name] = await NetworkNamespace.make(name);
    const entry = [...spaces.wire.entry, ...AT_ONCE];
    this.relay = await this.#program([RUNNER, at('ip-relay.mjs')], entry, { ...process.env });
    await this.relay.call('open', seed, [DEVICES.a, DEVICES.b]);
    this.#plug('a', 'b');
    this.#plug('b', 'a');
  }

  /** The kernel's TCP uses CUBIC, and what it learnt of the path in one round it does not know in the next. */
  #plug(side, other) {
    const space = this.#spaces[side];
    this.#spaces.wire.ip(`link set ${DEVICES[side]} netns ${space.pid}`);
    space.ip(
      `link set ${DEVICES[side]} name eth0`,
      `link set eth0 mtu 1500 txqueuelen ${DEVICE_QUEUE} up`,
      `address add ${ADDRESSES[side]} peer ${ADDRESSES[other]} dev eth0`,
      `route replace ${ADDRESSES[other]} dev eth0 src ${ADDRESSES[side]} congctl cubic`,
    );
    space.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save']);
  }

  async #startDaemon(side) {
    const daemon = await startPrivateDaemon({ entry: this.#spaces[side].entry });
    this.#daemons.push(daemon);
    const names = side === 'a' ? { [`names.${NAME}`]: `${ADDRESSES.b}:${UDP_PORT}` } : {};
    const settings = { host: ADDRESSES[side], port: UDP_PORT, ...names };
    const sets = Object.entries(settings).flatMap(([key, value]) => [
      '--set',
      `${key}=${JSON.stringify(value)}`,
    ]);
    await daemon.irm('ipcp', 'bootstrap', LAYER, '--type', 'udp', '--layer', LAYER, ...sets);
    return daemon;
  }

  async #program(args, entry, env) {
    const given = { ...env };
    delete given.NODE_OPTIONS;
    const program = await startRemoteProgram({ args, env: given, entry });
    this.#programs.push(program);
    return program;
  }

  /** What the kernel says of host a's TCP connections, in lines. */
  tcpState() {
    return this.#spaces.a.run('ss', ['-tinH', 'state', 'established']);
  }

  async stop() {
    await Promise.all(this.#programs.reverse().map((program) => program.stop()));
    await Promise.all(this.#daemons.map((daemon) => daemon.stop()));
    await Promise.all(Object.values(this.#spaces).map((space) => space.remove()));
  }
}

import { NetworkNamespace } from './network-namespace.ts';
import { Relay } from '../relay/relay.ts';
import type { Side } from '../relay/relaying.ts';

/** Addresses of a host: its own, and where it finds the other one. */
export interface HostAddresses {
  readonly own: string;
  readonly peer: string;
}

const MASK = 24;
const MASK_V6 = 64;
/** The cable's end in each host. */
export const INTERFACE = 'eth0';

/** What the kernel of a receiving host does to what comes in. Protocols alike: TCP too. */
export interface KernelFaults {
  readonly lossPct?: number;
  /** Larger IP packets vanish. */
  readonly mtuBytes?: number;
}

/**
 * Two hosts, each a network namespace, joined by a cable; or with a relay between them, in a third namespace. The
 * user-space relay carries the UDP port `port` and nothing else.
 */
export class TwoHosts {
  readonly a: NetworkNamespace;
  readonly b: NetworkNamespace;
  readonly addresses: Readonly<Record<Side, HostAddresses>>;
  /** Between them; only where asked for. */
  readonly relay: Relay | null;
  readonly wire: NetworkNamespace | null;

  private constructor(
    hosts: { readonly a: NetworkNamespace; readonly b: NetworkNamespace },
    addresses: Readonly<Record<Side, HostAddresses>>,
    relay: Relay | null,
    wire: NetworkNamespace | null,
  ) {
    this.a = hosts.a;
    this.b = hosts.b;
    this.addresses = addresses;
    this.relay = relay;
    this.wire = wire;
  }

  /** Joined by a cable. */
  static async joined(family: 4 | 6 = 4): Promise<TwoHosts> {
    const [a, b] = await Promise.all([NetworkNamespace.make('a'), NetworkNamespace.make('b')]);
    a.cable(INTERFACE, b, INTERFACE);
    const [ownA, ownB] = family === 4 ? ['192.0.2.2', '192.0.2.1'] : ['fd09::1', 'fd09::2'];
    address(a, INTERFACE, ownA!);
    address(b, INTERFACE, ownB!);
    const addresses = { a: { own: ownA!, peer: ownB! }, b: { own: ownB!, peer: ownA! } };
    return new TwoHosts({ a, b }, addresses, null, null);
  }

  /** With a relay between them. */
  static async relayed({ port, seed = 1 }: { port: number; seed?: number }): Promise<TwoHosts> {
    const [a, b, wire] = await Promise.all(['a', 'b', 'wire'].map((name) => NetworkNamespace.make(name)));
    a!.cable(INTERFACE, wire!, 'to-a');
    b!.cable(INTERFACE, wire!, 'to-b');
    const addresses = {
      a: { own: '10.9.1.1', peer: '10.9.1.254' },
      b: { own: '10.9.2.1', peer: '10.9.2.254' },
    };
    address(a!, INTERFACE, addresses.a.own);
    address(b!, INTERFACE, addresses.b.own);
    address(wire!, 'to-a', addresses.a.peer);
    address(wire!, 'to-b', addresses.b.peer);
    const side = ({ own, peer }: HostAddresses) => ({
      facing: { address: peer, port },
      host: { address: own, port },
    });
    const options = { seed, sides: { a: side(addresses.a), b: side(addresses.b) } };
    const relay = await Relay.start(options, wire!.entry);
    return new TwoHosts({ a: a!, b: b! }, addresses, relay, wire!);
  }

  /** Faults of the host's kernel on the way in; each call replaces those before. Random, with no seed. */
  faults(of: Side, { lossPct = 0, mtuBytes = 0 }: KernelFaults): void {
    // Segments that the sender's kernel leaves in one piece would count as one large packet.
    if (mtuBytes > 0) for (const host of [this.a, this.b]) host.ip(`link set ${INTERFACE} gso_max_segs 1`);
    setRules(this[of], 'faults', [
      ...(lossPct > 0 ? [`${sometimes(lossPct)} drop`] : []),
      ...(mtuBytes > 0 ? [`meta length > ${mtuBytes} drop`] : []),
    ]);
  }

  /** Rate of what the host sends; the queue before it holds `latencyMs`. */
  rate(of: Side, { kbps, latencyMs }: { kbps: number; latencyMs: number }): void {
    const tbf = `root tbf rate ${kbps}kbit burst 16kb latency ${latencyMs}ms`;
    this[of].run('tc', ['qdisc', 'replace', 'dev', INTERFACE, ...tbf.split(' ')]);
  }

  /** Pulls the cable, or puts it back. Silently, as behind a switch: neither host's interface goes down. */
  plug(isPlugged: boolean): void {
    for (const side of ['a', 'b'] as const) setRules(this[side], 'cable', isPlugged ? [] : ['drop']);
  }

  /** After the hosts' processes have ended. */
  async remove(): Promise<void> {
    await this.relay?.stop();
    await Promise.all([this.a.remove(), this.b.remove(), this.wire?.remove()]);
  }
}

function address(host: NetworkNamespace, device: string, own: string): void {
  if (own.includes(':')) host.ip(`address add ${own}/${MASK_V6} dev ${device} nodad`);
  else host.ip(`address add ${own}/${MASK} dev ${device}`);
}

function sometimes(pct: number): string {
  return pct >= 100 ? '' : `numgen random mod 10000 < ${Math.round(pct * 100)}`;
}

/** Hosts always find each other's hardware address: what waits for it would come through late instead of never. */
const PASSES = ['meta protocol arp accept', 'meta l4proto ipv6-icmp accept'];

/** Replaces a host's rules of that name for what comes in by cable. */
function setRules(host: NetworkNamespace, name: string, rules: readonly string[]): void {
  const table = `table netdev ${name}`;
  const hook = `type filter hook ingress device ${INTERFACE} priority 0`;
  const lines = [hook, ...PASSES, ...rules].map((line) => `    ${line}\n`).join('');
  host.run('nft', ['-f', '-'], `${table} {}\ndelete ${table}\n${table} {\n  chain in {\n${lines}  }\n}\n`);
}

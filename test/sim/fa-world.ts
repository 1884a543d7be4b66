import type { ControlMessage } from '@flowring/common';
import { errnoOf, qosCubes } from '@flowring/common';
import type { FaInput, FaOutput } from '../../packages/ipcpd/src/core/fa-messages.ts';
import { FlowAllocator } from '../../packages/ipcpd/src/core/flow-allocator.ts';
import { Dice } from './seeded.ts';

/** What the seed decides. Probabilities are per mille. */
export interface FaWorldOptions {
  readonly seed: number;
  readonly hosts: number;
  readonly allocs: number;
  readonly loss: number;
  readonly duplication: number;
  readonly delayMinUs: number;
  readonly delayMaxUs: number;
  /** One ordered pair of hosts whose packets are lost altogether for a while. */
  readonly oneWayLoss: boolean;
  /** Stalls of single hosts: how many, and how long at most. */
  readonly stalls: number;
  readonly stallMaxUs: number;
  /** Suspensions of all hosts at once: nothing is lost, time passes. */
  readonly suspensions: number;
  readonly restarts: number;
  readonly aborts: number;
  readonly refusals: number;
  readonly timeoutsMs: readonly number[];
  /** Flows live until the end of the faults instead of ending by themselves. */
  readonly longLived: boolean;
}

/** One allocation and what each end saw of it. */
export interface Alloc {
  readonly index: number;
  readonly client: Host;
  readonly clientIncarnation: number;
  readonly server: Host;
  readonly clientFlow: number;
  outcome: 'pending' | 'ok' | 'refused' | 'aborted';
  clientEnd: number | null;
  /** One per incoming request told to a server's IRMd. */
  readonly offers: Offer[];
}

interface Offer {
  readonly incarnation: number;
  flow: number;
  state: 'offered' | 'accepted' | 'refused' | 'gone';
  end: number | null;
}

export interface Host {
  readonly index: number;
  readonly address: string;
  incarnation: number;
  allocator: FlowAllocator;
  stalledUntilUs: number;
  readonly held: (() => void)[];
  nextFlow: number;
  timerAtUs: number;
  readonly eids: Set<number>;
}

const SECOND = 1_000_000;
const FAULTS_US = 60 * SECOND;
/** After the faults: longer than any timeout, the idle keepalive and its repetitions. */
const SETTLE_US = 150 * SECOND;
const MPL_US = SECOND;
export const QUARANTINE_US = 3 * (MPL_US + 50_000 + 30 * SECOND);
const PEER_GONE = errnoOf('FLOWRING_PEER_GONE');

/** Some flow allocators on a bad network under a virtual clock; the same options give the same run. */
export class FaWorld {
  readonly options: FaWorldOptions;
  readonly hosts: Host[] = [];
  readonly allocs: Alloc[] = [];
  readonly violations: string[] = [];
  nowUs = 0;
  events = 0;
  /** Changes with everything that happens: equal runs have equal traces. */
  trace = 0x811c9dc5;
  #faulty = true;
  #deaf: readonly [number, number] | null = null;
  readonly #dice: Dice;
  #queue: { atUs: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(options: FaWorldOptions) {
    this.options = options;
    this.#dice = new Dice(options.seed);
    for (let index = 0; index < options.hosts; index += 1) this.hosts.push(this.#newHost(index));
    this.#plan();
  }

  /** The faulty phase, then a good network until everybody agrees. */
  runFaults(): void {
    this.#runUntil(FAULTS_US);
    this.#faulty = false;
    this.#deaf = null;
    this.#runUntil(FAULTS_US + SETTLE_US);
  }

  /** Ends every flow that is left and waits until everything that may be remembered is forgotten. */
  runDown(): void {
    for (const host of this.hosts) {
      for (let flow = 1; flow < host.nextFlow; flow += 1) {
        if (host.allocator.eidOf(flow) !== 0) this.#input(host, { t: 'local-end', flow, errno: 0 });
        this.#input(host, { t: 'release', flow });
      }
    }
    // Answers are remembered longer by what their host has stalled.
    this.#runUntil(this.nowUs + 2 * QUARANTINE_US + 600 * SECOND);
  }

  #plan(): void {
    const { options } = this;
    const dice = this.#dice;
    const sometime = (): number => dice.between(0, FAULTS_US - 1);
    for (let i = 0; i < options.allocs; i += 1) this.#at(sometime() / 2, () => this.#alloc());
    for (let i = 0; i < options.stalls; i += 1) {
      const host = dice.pick(this.hosts);
      const forUs = dice.between(1, options.stallMaxUs);
      this.#at(sometime(), () => this.#stall(host, forUs));
    }
    for (let i = 0; i < options.suspensions; i += 1) {
      const forUs = dice.between(SECOND, 600 * SECOND);
      this.#at(sometime(), () => this.#suspend(forUs));
    }
    for (let i = 0; i < options.restarts; i += 1) {
      const host = dice.pick(this.hosts);
      this.#at(sometime(), () => this.#restart(host));
    }
    if (options.oneWayLoss) {
      const from = dice.between(0, options.hosts - 1);
      const to = (from + 1) % options.hosts;
      this.#at(sometime() / 2, () => (this.#deaf = [from, to]));
    }
  }

  #newHost(index: number): Host {
    const host: Host = {
      index,
      address: `h${index}`,
      incarnation: 0,
      allocator: this.#newAllocator(),
      stalledUntilUs: 0,
      held: [],
      nextFlow: 1,
      timerAtUs: Infinity,
      eids: new Set(),
    };
    return host;
  }

  #newAllocator(): FlowAllocator {
    return new FlowAllocator({
      traits: { lossless: false, mplUs: MPL_US, quarantineUs: QUARANTINE_US, rtoInitialUs: 100_000 },
      paramsOf: () => ({ mplMs: 1_000, aMs: 50, rMs: 30_000, mtuBytes: 1_400 }),
      random: new Dice(this.#dice.u32()).u32,
    });
  }

  // What happens.

  #alloc(): void {
    const dice = this.#dice;
    const client = dice.pick(this.hosts);
    const server = dice.pick(this.hosts.filter((host) => host !== client));
    const alloc: Alloc = {
      index: this.allocs.length,
      client,
      clientIncarnation: client.incarnation,
      server,
      clientFlow: client.nextFlow++,
      outcome: 'pending',
      clientEnd: null,
      offers: [],
    };
    this.allocs.push(alloc);
    this.#input(client, {
      t: 'request',
      flow: alloc.clientFlow,
      peer: server.address,
      name: `service-${alloc.index}`,
      qos: { ...qosCubes.raw, timeout: dice.pick(this.options.timeoutsMs) },
      timeoutMs: dice.between(500, 15_000),
    });
    if (!dice.chance(this.options.aborts)) return;
    this.#later(dice.between(0, 2 * SECOND), client, () => {
      if (alloc.outcome !== 'pending') return;
      alloc.outcome = 'aborted';
      this.#input(client, { t: 'release', flow: alloc.clientFlow });
    });
  }

  #stall(host: Host, forUs: number): void {
    host.stalledUntilUs = this.nowUs + forUs;
    this.#at(host.stalledUntilUs, () => this.#wake(host));
  }

  /** Packets that came during the stall first, then the timer. */
  #wake(host: Host): void {
    if (host.stalledUntilUs > this.nowUs) return;
    for (const held of host.held.splice(0)) held();
    this.#fire(host);
  }

  /** Every host stands still and nothing moves: the queue is shifted. */
  #suspend(forUs: number): void {
    for (const event of this.#queue) event.atUs += forUs;
    for (const host of this.hosts) if (host.stalledUntilUs > this.nowUs) host.stalledUntilUs += forUs;
    // Timers were armed by the clock, which went on: they are overdue on waking.
    this.nowUs += forUs;
    for (const host of this.hosts) this.#at(this.nowUs, () => this.#wake(host));
  }

  #restart(host: Host): void {
    for (const alloc of this.allocs) {
      if (alloc.client === host && alloc.clientIncarnation === host.incarnation)
        alloc.clientEnd ??= PEER_GONE;
      for (const offer of alloc.offers) {
        if (alloc.server === host && offer.incarnation === host.incarnation) offer.end ??= PEER_GONE;
      }
    }
    host.incarnation += 1;
    host.allocator = this.#newAllocator();
    host.held.length = 0;
    host.eids.clear();
    host.timerAtUs = Infinity;
  }

  // The allocator's outputs.

  #input(host: Host, input: FaInput): void {
    this.#take(host, host.allocator.handle(input, this.nowUs));
  }

  #take(host: Host, outputs: readonly FaOutput[]): void {
    for (const output of outputs) {
      this.#note(host, output);
      if (output.t === 'send') this.#transmit(host, output.peer, output.pdu);
      else if (output.t === 'irmd') this.#irmd(host, output.message);
      else if (output.t === 'bind') this.#bound(host, output.sEid);
      else if (output.t === 'ended') this.#ended(host, output.flow, output.errno);
    }
    this.#arm(host);
  }

  #bound(host: Host, sEid: number): void {
    if (host.eids.has(sEid)) this.violations.push(`EID ${sEid} given out twice at ${host.address}`);
    host.eids.add(sEid);
  }

  #irmd(host: Host, message: ControlMessage): void {
    if (message.t === 'ipcp-incoming') this.#incoming(host, message);
    else if (message.t === 'ipcp-incoming-gone') this.#incomingGone(host, message.incoming);
    else if (message.t === 'ipcp-allocated') {
      const alloc = this.#ofClient(host, message.flow);
      if (alloc === undefined) return;
      alloc.outcome = 'ok';
      if (this.#accepted(alloc) === undefined)
        this.violations.push(`I32: ${alloc.index} ok, but not accepted`);
      this.#liveAWhile(host, message.flow);
    } else if (message.t === 'ipcp-refused') {
      const alloc = this.#ofClient(host, message.flow);
      if (alloc !== undefined) alloc.outcome = 'refused';
    }
  }

  readonly #incomings = new Map<string, { alloc: Alloc; offer: Offer }>();

  #incoming(host: Host, message: ControlMessage<'ipcp-incoming'>): void {
    const alloc = this.allocs[Number(message.name.slice('service-'.length))]!;
    if (alloc.offers.some((offer) => offer.incarnation === host.incarnation)) {
      this.violations.push(`I31: alloc ${alloc.index} was offered twice`);
    }
    const offer: Offer = { incarnation: host.incarnation, flow: 0, state: 'offered', end: null };
    alloc.offers.push(offer);
    this.#incomings.set(`${host.index}/${host.incarnation}/${message.incoming}`, { alloc, offer });
    this.#later(this.#dice.between(0, 300_000), host, () => {
      if (this.#dice.chance(this.options.refusals)) {
        if (offer.state === 'offered') offer.state = 'refused';
        this.#input(host, { t: 'refuse', incoming: message.incoming, code: 'FLOWRING_REFUSED' });
        return;
      }
      offer.flow = host.nextFlow++;
      if (offer.state === 'offered') offer.state = 'accepted';
      this.#input(host, { t: 'accept', incoming: message.incoming, flow: offer.flow });
      this.#liveAWhile(host, offer.flow);
    });
  }

  #incomingGone(host: Host, incoming: number): void {
    const found = this.#incomings.get(`${host.index}/${host.incarnation}/${incoming}`)!;
    if (found.offer.state === 'offered') found.offer.state = 'gone';
  }

  #ended(host: Host, flow: number, errno: number): void {
    for (const alloc of this.allocs) {
      if (this.#ofClient(host, flow) === alloc) alloc.clientEnd ??= errno;
      for (const offer of alloc.offers) {
        if (alloc.server === host && offer.incarnation === host.incarnation && offer.flow === flow) {
          offer.end ??= errno;
        }
      }
    }
    this.#later(this.#dice.between(0, SECOND), host, () => this.#input(host, { t: 'release', flow }));
  }

  /** The owner ends the flow some time later. */
  #liveAWhile(host: Host, flow: number): void {
    if (this.options.longLived || this.#dice.chance(300)) return;
    this.#later(this.#dice.between(0, 20 * SECOND), host, () => {
      for (const alloc of this.allocs) {
        if (this.#ofClient(host, flow) === alloc) alloc.clientEnd ??= 0;
        const offer = alloc.server === host ? alloc.offers.find((one) => one.flow === flow) : undefined;
        if (offer !== undefined && offer.incarnation === host.incarnation) offer.end ??= 0;
      }
      this.#input(host, { t: 'local-end', flow, errno: 0 });
      this.#later(this.#dice.between(0, SECOND), host, () => this.#input(host, { t: 'release', flow }));
    });
  }

  #ofClient(host: Host, flow: number): Alloc | undefined {
    return this.allocs.find(
      (alloc) =>
        alloc.client === host && alloc.clientFlow === flow && alloc.clientIncarnation === host.incarnation,
    );
  }

  #accepted(alloc: Alloc): Offer | undefined {
    return alloc.offers.find((offer) => offer.state === 'accepted');
  }

  // The network and the clock.

  #transmit(from: Host, to: string, pdu: Uint8Array): void {
    const target = this.hosts.find((host) => host.address === to)!;
    const copies = this.#faulty && this.#dice.chance(this.options.duplication) ? 2 : 1;
    for (let i = 0; i < copies; i += 1) {
      if (this.#faulty && this.#dice.chance(this.options.loss)) continue;
      if (this.#deaf !== null && this.#deaf[0] === from.index && this.#deaf[1] === target.index) continue;
      const atUs = this.nowUs + this.#dice.between(this.options.delayMinUs, this.options.delayMaxUs);
      this.#at(atUs, () => this.#deliver(target, from.address, pdu));
    }
  }

  #deliver(to: Host, from: string, pdu: Uint8Array): void {
    const take = (): void => this.#input(to, { t: 'pdu', peer: from, pdu });
    if (to.stalledUntilUs > this.nowUs) to.held.push(take);
    else take();
  }

  #arm(host: Host): void {
    const atUs = host.allocator.nextTimeout() ?? Infinity;
    if (atUs === host.timerAtUs) return;
    host.timerAtUs = atUs;
    if (atUs === Infinity) return;
    this.#at(Math.max(this.nowUs, atUs), () => {
      if (host.timerAtUs === atUs && host.stalledUntilUs <= this.nowUs) this.#fire(host);
    });
  }

  #fire(host: Host): void {
    host.timerAtUs = Infinity;
    this.#take(host, host.allocator.handleTimeout(this.nowUs));
  }

  /** An action of the host's own programs; dropped if the host restarts before. */
  #later(afterUs: number, host: Host, run: () => void): void {
    const { incarnation } = host;
    this.#at(this.nowUs + afterUs, () => {
      if (host.incarnation !== incarnation) return;
      if (host.stalledUntilUs > this.nowUs) host.held.push(run);
      else run();
    });
  }

  #at(atUs: number, run: () => void): void {
    const event = { atUs: Math.floor(atUs), order: this.#order++, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#queue[middle]!.atUs > event.atUs) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, event);
  }

  #runUntil(endUs: number): void {
    for (;;) {
      const event = this.#queue.at(-1);
      if (event === undefined || event.atUs > endUs) break;
      this.#queue.pop();
      this.nowUs = Math.max(this.nowUs, event.atUs);
      this.events += 1;
      event.run();
    }
    this.nowUs = Math.max(this.nowUs, endUs);
  }

  #note(host: Host, output: FaOutput): void {
    this.#mix(this.nowUs % 0x1_0000_0000);
    this.#mix(host.index * 8 + output.t.length);
    if (output.t === 'send') for (const byte of output.pdu) this.#mix(byte);
  }

  #mix(value: number): void {
    this.trace = Math.imul(this.trace ^ value, 0x01000193) >>> 0;
  }
}

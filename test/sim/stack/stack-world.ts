import { Action, EventQueue, type Due } from '../event-queue.ts';
import type { Knobs } from '../knobs.ts';
import type { Machine } from '../machine.ts';
import { Marks } from '../marks.ts';
import { Path } from '../path.ts';
import { Dice } from '../seeded.ts';
import { violated } from '../violation.ts';
import { Alloc } from './alloc.ts';
import { SimHost } from './host.ts';
import type { StackEnd } from './stack-flow.ts';
import { planStackFaults } from './stack-faults.ts';

const SECOND = 1_000_000;
/** Packets that a channel holds for a flow until it is attached. */
const EARLY_MAX = 256;
const EVENTS_MAX = 3_000_000;
const BOOT_US = SECOND;
/** After the faults: longer than any peer timeout, the idle keepalive and its repetitions. */
const AGREE_US = 200 * SECOND;
const PEER_TIMEOUTS_MS = [3_000, 10_000, 60_000];

export interface StackWorldOptions {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly machine: Machine;
  readonly trace: ((line: string) => void) | null;
}

/** Some hosts with IRMd, IPCP and programs, flows between them, and a network that fails. */
export class StackWorld {
  readonly knobs: Knobs;
  readonly machine: Machine;
  readonly queue = new EventQueue();
  readonly marks = new Marks();
  readonly dice: Dice;
  readonly hosts: SimHost[];
  readonly allocs: Alloc[] = [];
  /** The layer's directory: which host serves a name. */
  readonly directory = new Map<string, string>();
  nowUs = 0;
  events = 0;
  traceHash = 0x811c9dc5 | 0;
  hurry = false;
  isHealed = false;
  readonly #trace: ((line: string) => void) | null;
  readonly #paths = new Map<string, Path>();
  readonly #early = new Map<string, ((end: StackEnd) => void)[]>();
  readonly #ends = new Map<string, StackEnd>();

  constructor({ seed, knobs, machine, trace }: StackWorldOptions) {
    this.knobs = knobs;
    this.machine = machine;
    this.#trace = trace;
    this.dice = new Dice(seed ^ 0x57ac57ac);
    const hosts = Math.max(2, knobs.hosts);
    this.hosts = Array.from({ length: hosts }, (_, n) =>
      n % 2 === 0
        ? new SimHost(this, n, knobs.ratePpmA, knobs.epochUsA)
        : new SimHost(this, n, knobs.ratePpmB, knobs.epochUsB),
    );
    for (const from of this.hosts)
      for (const to of this.hosts)
        if (from !== to) this.#paths.set(`${from.name}>${to.name}`, new Path(knobs, this.dice.fork(), true));
  }

  get paths(): Path[] {
    return [...this.#paths.values()];
  }

  /** Boots, runs with faults, heals, lets everybody agree, and waits until nothing is left. */
  run(): void {
    for (const host of this.hosts) host.boot();
    this.#at(BOOT_US / 2, () => this.hosts.forEach((host) => host.startProgram()));
    planStackFaults(this, BOOT_US, this.dice.fork());
    for (let n = 0; n < this.knobs.allocs; n += 1)
      this.#at(BOOT_US + this.dice.below(this.knobs.faultsUs), () => this.#alloc());
    const healedUs = BOOT_US + this.knobs.faultsUs;
    this.#at(healedUs, () => this.#heal());
    this.#runUntil(healedUs + AGREE_US);
    this.#checkAgreement();
    this.#runUntil(healedUs + AGREE_US + this.#restUs);
    this.#checkNothingLeft();
    this.#gatherMarks();
  }

  /** Flows end, remnants drain, EIDs rest, answers are forgotten. */
  get #restUs(): number {
    const { mplUs, aUs, rUs } = this.knobs;
    return 12 * (mplUs + aUs + rUs) + 600 * SECOND;
  }

  #at(atUs: number, run: () => void): void {
    this.queue.add(atUs, new Action(run));
  }

  #runUntil(endUs: number): void {
    while (this.queue.nextAtUs <= endUs) {
      if ((this.events += 1) > EVENTS_MAX) violated('I39', 'the world never comes to rest');
      this.nowUs = this.queue.nextAtUs;
      this.queue.take().happen();
    }
    this.nowUs = endUs;
  }

  fault(atUs: number, run: () => void): void {
    this.#at(atUs, () => {
      if (!this.isHealed) run();
    });
  }

  #heal(): void {
    this.isHealed = this.hurry = true;
    this.note(() => '-- faults are over');
    for (const path of this.paths) path.calm = true;
    for (const host of this.hosts)
      for (const process of [host.irmd, host.ipcp.process, ...host.programs.map((one) => one.process)])
        process.wakeNow(this.nowUs);
    for (const { flow } of this.allocs) for (const end of flow?.ends ?? []) end.talker.hurryUp();
  }

  #alloc(): void {
    const { dice, knobs } = this;
    const client = dice.pick(this.hosts);
    const server = dice.pick(this.hosts.filter((host) => host !== client));
    const program = client.programs.at(-1)!;
    if (!program.process.isAlive) return;
    const alloc = new Alloc(this, program, server);
    this.allocs.push(alloc);
    const timeoutMs = dice.between(500, 15_000);
    const peerTimeoutMs = dice.pick(PEER_TIMEOUTS_MS);
    program.process.whenAwake(this.nowUs, () => program.alloc(alloc, timeoutMs, peerTimeoutMs));
    if (!dice.odds(knobs.abortPct / 100)) return;
    const abortUs = this.nowUs + dice.below(2 * SECOND);
    this.#at(abortUs, () => program.process.whenAwake(this.nowUs, () => program.abort(alloc)));
  }

  // The layer's network.

  carry(from: string, to: string, packet: Uint8Array): void {
    const path = this.#paths.get(`${from}>${to}`);
    const target = this.hosts.find((host) => host.name === to);
    if (path === undefined || target === undefined) return;
    this.#mix(packet);
    path.carry(this.nowUs, packet.length);
    const framed = new Uint8Array(1 + packet.length);
    framed[0] = Number(from.slice(1));
    framed.set(packet, 1);
    for (let n = 0; n < path.copies; n += 1)
      this.queue.add(path.arrivals[n]!, new PacketArrival(this, target, framed));
  }

  #mix(packet: Uint8Array): void {
    let hash = Math.imul(this.traceHash ^ this.nowUs, 0x01000193);
    const length = Math.min(packet.length, 40);
    for (let i = 0; i < length; i += 1) hash = Math.imul(hash ^ packet[i]!, 0x01000193);
    this.traceHash = Math.imul(hash ^ packet.length, 0x01000193);
  }

  // Flow ids at hosts.

  enter(host: SimHost, flowId: number, end: StackEnd): void {
    const key = `${host.name}/${flowId}`;
    const before = this.#ends.get(key);
    if (before?.isLive === true) violated('I29', `${host.name} gives flow ${flowId} out twice`);
    this.#ends.set(key, end);
    for (const early of this.#early.get(key) ?? []) early(end);
    this.#early.delete(key);
  }

  /** What comes through a channel for a flow that its program has not attached yet waits there. */
  #toEnd(host: SimHost, flowId: number, what: (end: StackEnd) => void): void {
    const key = `${host.name}/${flowId}`;
    const end = this.#ends.get(key);
    if (end !== undefined) return what(end);
    const early = this.#early.get(key) ?? [];
    if (early.length < EARLY_MAX) early.push(what);
    this.#early.set(key, early);
  }

  /** I5: a packet goes to the flow whose peer has sent it; the oracle of that flow sees any other. */
  toProgram(host: SimHost, flowId: number, pdu: Uint8Array): void {
    this.#toEnd(host, flowId, (end) => end.take(pdu));
  }

  lowerEnded(host: SimHost, flowId: number, errno: number): void {
    this.note(() => `${host.name}: flow ${flowId} ended by its peer (${errno})`);
    this.#toEnd(host, flowId, (end) => end.lowerEnded(errno));
  }

  withdrawn(host: SimHost, flowId: number): void {
    for (const alloc of this.allocs)
      if (alloc.server === host && alloc.pendingOffer === flowId) alloc.pendingOffer = 0;
    this.#ends.get(`${host.name}/${flowId}`)?.lowerEnded(0);
  }

  // What must hold in the end.

  #checkAgreement(): void {
    for (const alloc of this.allocs) {
      const why = alloc.disagreement;
      if (why !== null)
        violated(alloc.outcome === 'aborted' ? 'I35' : 'I32', `request ${alloc.index}: ${why}`);
    }
  }

  /** I28, I29: every table is empty again. */
  #checkNothingLeft(): void {
    for (const host of this.hosts) {
      for (const alloc of this.allocs)
        for (const end of alloc.flow?.ends ?? [])
          if (end.isLive) violated('I23', `flow ${alloc.index} has not ended at ${end.frcp.name}`);
      const { flows, leases, errands } = host.irm.population;
      if (flows + leases + errands > 0)
        violated('I28', `${host.name}: the IRMd keeps ${JSON.stringify(host.irm.population)}`);
      const tables = host.ipcp.allocator.inspect();
      if (Object.values(tables).some((size) => size > 0) || host.ipcp.flowCount > 0)
        violated('I28', `${host.name}: the IPCP keeps ${host.ipcp.flowCount} and ${JSON.stringify(tables)}`);
    }
  }

  #gatherMarks(): void {
    for (const { counts } of this.paths) {
      if (counts.lost > 0) this.marks.hit.add('loss');
      if (counts.blackedOut > 0) this.marks.hit.add('blackout');
    }
    for (const alloc of this.allocs) this.marks.gatherAlloc(alloc);
    for (const host of this.hosts) this.marks.gatherHost(host);
  }

  note(text: () => string): void {
    this.#trace?.(`${(this.nowUs / 1e6).toFixed(6).padStart(12)} ${text()}`);
  }
}

class PacketArrival implements Due {
  readonly #world: StackWorld;
  readonly #to: SimHost;
  readonly #packet: Uint8Array;

  constructor(world: StackWorld, to: SimHost, packet: Uint8Array) {
    this.#world = world;
    this.#to = to;
    this.#packet = packet;
  }

  happen(): void {
    this.#to.ipcp.process.deliver(this.#world.nowUs, this.#to.ipcp, this.#packet);
  }
}

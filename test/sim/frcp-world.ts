import type { FrcpEvent } from '@flowring/frcp';
import { Adversary } from './adversary.ts';
import { checkNotLeftAlone } from './checkers/ending.ts';
import { FlowChecker } from './checkers/flow-checker.ts';
import { LivenessChecker } from './checkers/liveness.ts';
import { Action, EventQueue, type Due } from './event-queue.ts';
import { expectationsOf } from './expectations.ts';
import { planFaults } from './fault-plan.ts';
import { FrcpEnd, type EndWorld } from './frcp-end.ts';
import { HostClock } from './host-clock.ts';
import { ENDING, type Knobs } from './knobs.ts';
import type { Machine } from './machine.ts';
import { Marks } from './marks.ts';
import { Path } from './path.ts';
import { Dice } from './seeded.ts';
import { SimProcess } from './sim-process.ts';
import type { TraceSink } from './trace.ts';
import { violated } from './violation.ts';
import { Talker, type WorkloadWorld } from './workload.ts';

const SECOND = 1_000_000;
/** Flow liveness monitoring tells an end so long after its peer died or failed. */
const FLM_US = 15 * SECOND;
const EVENTS_MAX = 3_000_000;

export interface FrcpWorldOptions {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly machine: Machine;
  readonly trace: TraceSink | null;
}

/** Two ends of one flow under one virtual clock: first with faults, then without, until nothing is left. */
export class FrcpWorld implements EndWorld, WorkloadWorld {
  readonly knobs: Knobs;
  readonly queue = new EventQueue();
  readonly marks = new Marks();
  readonly paths: readonly [Path, Path];
  readonly a: FrcpEnd;
  readonly b: FrcpEnd;
  readonly ends: readonly [FrcpEnd, FrcpEnd];
  readonly checker: FlowChecker;
  readonly counts = { forged: 0, replayed: 0, reflected: 0 };
  readonly talkers: readonly [Talker, Talker];
  /** Faults and endings in the middle fall into so long from the start: then most of the work is done. */
  readonly activeUs: number;
  nowUs = 0;
  events = 0;
  /** Changes with everything that happens: equal runs have equal hashes. */
  traceHash = 0x811c9dc5 | 0;
  hurry = false;
  isHealed = false;
  readonly #trace: TraceSink | null;
  readonly #dice: Dice;
  readonly #adversary: Adversary;
  readonly #liveness: LivenessChecker;
  #endingBegan = false;

  constructor({ seed, knobs, machine, trace }: FrcpWorldOptions) {
    this.knobs = knobs;
    this.#trace = trace;
    const dice = new Dice(seed ^ 0x3c6ef372);
    this.paths = [
      new Path(knobs, dice.fork(), knobs.lossOneWay !== 2),
      new Path(knobs, dice.fork(), knobs.lossOneWay !== 1),
    ];
    this.a = this.#newEnd('a', machine, dice.fork());
    this.b = this.#newEnd('b', machine, dice.fork());
    this.ends = [this.a, this.b];
    this.a.peer = this.b;
    this.b.peer = this.a;
    const stream = dice.u32();
    this.checker = new FlowChecker(this, this.a, this.b, stream);
    this.talkers = [
      new Talker(this, this.a, knobs, dice.fork(), this.checker.ab.stream, true),
      new Talker(this, this.b, knobs, dice.fork(), this.checker.ba.stream, false),
    ];
    this.activeUs = 2 * SECOND + (knobs.messagesA + knobs.messagesB) * knobs.thinkUs;
    const faultDice = dice.fork();
    this.#adversary = new Adversary(this, dice.fork());
    this.#liveness = new LivenessChecker(this);
    this.#dice = dice.fork();
    planFaults(this, faultDice);
  }

  #newEnd(name: 'a' | 'b', machine: Machine, dice: Dice): FrcpEnd {
    const { knobs } = this;
    const isA = name === 'a';
    const clock = new HostClock(isA ? knobs.ratePpmA : knobs.ratePpmB, isA ? knobs.epochUsA : knobs.epochUsB);
    const process = new SimProcess(name, clock, this.queue, knobs.lowerReliable === 1);
    let first = isA ? knobs.firstSeqA : knobs.firstSeqB;
    let last = 0;
    const randomU32 = (): number => {
      const value = first >= 0 ? first : nearLast(dice.u32(), last);
      first = -1;
      return (last = value);
    };
    const { mtuBytes, mplUs, aUs, rUs, windowPdus, windowBytes, sduMaxBytes, rtoMinUs, rtoInitialUs } = knobs;
    const end = new FrcpEnd(this, {
      name,
      machine,
      process,
      dice,
      faults: expectationsOf(knobs),
      timerLagUs: knobs.timerLagUs,
      turnUs: knobs.turnUs,
      params: {
        ...{ mtuBytes, mplUs, aUs, rUs, windowPdus, windowBytes, sduMaxBytes, rtoMinUs, rtoInitialUs },
        windowFirstBytes: knobs.windowFirstBytes,
        reliable: knobs.unreliable === 0,
        lowerReliable: knobs.lowerReliable === 1,
        movable: knobs.movable === 1,
        integrity: knobs.integrity === 1,
        congestion: knobs.cubic === 1 ? 'cubic' : 'none',
        timestamps: knobs.timeless === 0,
        randomU32,
      },
    });
    end.readGapUs = knobs.readGapUs;
    return end;
  }

  /** Safety first, then liveness. Throws what a checker finds. */
  run(): void {
    this.#begin();
    while (!this.isFinished) {
      const atUs = this.queue.nextAtUs;
      if (atUs > this.#liveness.deadlineUs) this.#liveness.onDeadline();
      if (this.queue.size === 0) this.#liveness.onDeadline();
      if ((this.events += 1) > EVENTS_MAX) violated('I39', 'the world never comes to rest');
      this.nowUs = atUs;
      this.queue.take().happen();
    }
    this.#liveness.onFinished();
    this.marks.gather(this);
  }

  get isFinished(): boolean {
    return this.a.isOver && this.b.isOver;
  }

  #begin(): void {
    const { knobs } = this;
    this.queue.add(knobs.faultsUs, new Action(() => this.#heal()));
    for (const talker of this.talkers) talker.start();
    for (const end of this.ends) end.settle();
    const middleUs = this.#dice.below(Math.max(1, Math.min(knobs.faultsUs, this.activeUs)));
    if (knobs.ending === ENDING.AT_ONCE) this.fault(middleUs, () => this.#close(this.a, this.b));
    if (knobs.ending === ENDING.ABORT) this.fault(middleUs, () => this.#abort());
  }

  /** The faults are over: a connected core must finish now. */
  #heal(): void {
    this.isHealed = this.hurry = true;
    this.note(`-- faults are over`);
    for (const path of this.paths) path.calm = true;
    for (const end of this.ends) {
      end.process.wakeNow(this.nowUs);
      this.resumeReading(end);
    }
    this.#liveness.onHealed();
    for (const talker of this.talkers) talker.hurryUp();
    this.#considerEnding();
  }

  /** Plans a fault; once the world has healed none happens. */
  fault(atUs: number, run: () => void): void {
    const happen = (): void => {
      if (!this.isHealed) run();
    };
    this.queue.add(atUs, new Action(happen));
  }

  later(end: FrcpEnd, afterUs: number, run: () => void): void {
    const act = (): void => end.process.whenAwake(this.nowUs, run);
    this.queue.add(this.nowUs + afterUs, new Action(act));
  }

  resumeReading(end: FrcpEnd): void {
    if (end.reading) return;
    end.reading = true;
    this.later(end, 0, () => end.settle());
  }

  /** To another lower flow; if `isSame`, the same carries PDUs of another size. */
  move(end: FrcpEnd, lower: { mtuBytes: number; mplUs: number }, isSame: boolean): void {
    this.later(end, 0, () => {
      this.marks.onMove(this.checker.outOf(end));
      this.note(`${end.name} ${isSame ? 'goes on' : 'moves'}: MTU ${lower.mtuBytes}, MPL ${lower.mplUs} us`);
      end.move(lower, isSame);
    });
  }

  crash(end: FrcpEnd): void {
    this.note(`${end.name} dies`);
    end.process.die();
    this.#tellOfDeath(end);
  }

  /** What flow liveness monitoring does: an end whose peer is gone is ended. */
  #tellOfDeath(of: FrcpEnd): void {
    for (const talker of this.talkers) talker.stop();
    const wasClosing = of.peer.closeCalled;
    this.later(of.peer, FLM_US, () => {
      checkNotLeftAlone(of, wasClosing);
      // Where nothing gives up a closed end, too, waits for its peer's end as long as the lower flow lives.
      if (!of.peer.isClosed || this.knobs.lowerReliable === 1) of.peer.abort();
    });
  }

  // The network.

  transmit(from: FrcpEnd, pdu: Uint8Array): void {
    const { nowUs } = this;
    const path = from === this.a ? this.paths[0] : this.paths[1];
    this.#mix(from === this.a ? 1 : 2, pdu);
    path.carry(nowUs, pdu.length);
    this.marks.onSent(this, from);
    this.#trace?.sent(this, from, pdu, path.copies === 0);
    this.#adversary.overhear(from, pdu, nowUs);
    for (let n = 0; n < path.copies; n += 1) {
      this.checker.onTransit(from, path.arrivals[n]! - nowUs);
      this.queue.add(path.arrivals[n]!, new Arrival(this, from.peer, path.corrupt(pdu)));
    }
  }

  arrive(to: FrcpEnd, pdu: Uint8Array): void {
    this.#trace?.arrived(this, to, pdu);
    to.process.deliver(this.nowUs, to, pdu);
  }

  inject(to: FrcpEnd, pdu: Uint8Array): void {
    this.note(`the adversary speaks to ${to.name}`);
    this.arrive(to, pdu.slice());
  }

  note(text: string): void {
    this.#trace?.note(this, text);
  }

  #mix(kind: number, pdu: Uint8Array): void {
    let hash = Math.imul(this.traceHash ^ kind ^ this.nowUs, 0x01000193);
    const length = Math.min(pdu.length, 40);
    for (let i = 0; i < length; i += 1) hash = Math.imul(hash ^ pdu[i]!, 0x01000193);
    this.traceHash = Math.imul(hash ^ pdu.length, 0x01000193);
  }

  // The flow's life.

  onEvent(end: FrcpEnd, event: FrcpEvent): void {
    this.traceHash = Math.imul(this.traceHash ^ event.type.length ^ this.nowUs, 0x01000193);
    this.#trace?.event(this, end, event);
    if (event.type === 'end' && !end.closeCalled) {
      this.talkers[end === this.a ? 0 : 1].stop();
      this.later(end, this.#dice.below(SECOND), () => end.close());
    } else if (event.type === 'down' || (event.type === 'drained' && !end.peer.isEnded))
      this.#tellOfDeath(end);
  }

  onTurn(end: FrcpEnd): void {
    this.marks.onTurn(this.checker, end);
    this.#liveness.onTurn(end);
    if (!this.#endingBegan) this.#considerEnding();
  }

  #considerEnding(): void {
    const { ending } = this.knobs;
    if (this.#endingBegan) return;
    if (ending === ENDING.A_EARLY && this.talkers[0].isDone) return this.#beginEnding();
    if (ending === ENDING.IDLE && !this.isHealed) return;
    if (this.talkers[0].isDone && this.talkers[1].isDone && this.#isAllDelivered) this.#beginEnding();
  }

  get #isAllDelivered(): boolean {
    const { ab, ba } = this.checker;
    if (this.knobs.unreliable === 1) return this.a.conn.queuedBytes === 0 && this.b.conn.queuedBytes === 0;
    return ab.delivered === ab.written.length && ba.delivered === ba.written.length;
  }

  #beginEnding(): void {
    this.#endingBegan = true;
    const { ending } = this.knobs;
    if (ending === ENDING.BOTH) this.#close(this.a, this.b);
    else this.#close(ending === ENDING.B ? this.b : this.a);
  }

  #close(...ends: FrcpEnd[]): void {
    this.#endingBegan = true;
    for (const end of ends) {
      this.talkers[end === this.a ? 0 : 1].stop();
      this.later(end, 0, () => {
        this.note(`${end.name} closes`);
        end.close();
      });
    }
  }

  #abort(): void {
    this.#endingBegan = true;
    this.later(this.a, 0, () => {
      this.note('a aborts');
      this.a.abort();
      this.#tellOfDeath(this.a);
    });
  }
}

/** One draw of eight is made one that lies close to the last: R-FRCP-22 must not trust to luck. */
function nearLast(drawn: number, last: number): number {
  return drawn % 8 === 0 ? (last + ((drawn >>> 8) & 0xffff)) % 2 ** 32 : drawn;
}

class Arrival implements Due {
  readonly #world: FrcpWorld;
  readonly #to: FrcpEnd;
  readonly #pdu: Uint8Array;

  constructor(world: FrcpWorld, to: FrcpEnd, pdu: Uint8Array) {
    this.#world = world;
    this.#to = to;
    this.#pdu = pdu;
  }

  happen(): void {
    this.#world.arrive(this.#to, this.#pdu);
  }
}

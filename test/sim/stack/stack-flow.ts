import type { FrcpEvent } from '@flowring/frcp';
import { FlowChecker } from '../checkers/flow-checker.ts';
import type { EventQueue } from '../event-queue.ts';
import { Action } from '../event-queue.ts';
import { FrcpEnd, type EndWorld } from '../frcp-end.ts';
import { Talker, type WorkloadWorld } from '../workload.ts';
import type { Alloc } from './alloc.ts';
import type { SimProgram } from './program.ts';
import type { StackWorld } from './stack-world.ts';

const SECOND = 1_000_000;

/** One end of a flow: its FRCP, the program that has it, and its id at that host. */
export class StackEnd {
  readonly flow: StackFlow;
  readonly program: SimProgram;
  readonly frcp: FrcpEnd;
  talker!: Talker;
  flowId = 0;
  wasAttached = false;
  /** Its half is given back. */
  hasLeft = false;

  constructor(flow: StackFlow, program: SimProgram, name: string) {
    this.flow = flow;
    this.program = program;
    const { knobs, machine, dice } = flow.world;
    const { mtuBytes, mplUs, aUs, rUs, windowPdus, windowBytes, sduMaxBytes, rtoMinUs, rtoInitialUs } = knobs;
    this.frcp = new FrcpEnd(flow, {
      name: `${program.process.name}/${name}`,
      machine,
      process: program.process,
      dice: dice.fork(),
      faults: { mplHolds: true, mustSurvive: false, isEven: false },
      timerLagUs: knobs.timerLagUs,
      turnUs: knobs.turnUs,
      params: {
        ...{ mtuBytes, mplUs, aUs, rUs, windowPdus, windowBytes, sduMaxBytes, rtoMinUs, rtoInitialUs },
        windowFirstBytes: knobs.windowFirstBytes,
        integrity: knobs.integrity === 1,
        congestion: knobs.cubic === 1 ? 'cubic' : 'none',
        timestamps: knobs.timeless === 0,
        randomU32: dice.fork().u32,
      },
    });
  }

  /** Has a flow, as far as its program knows. */
  get isLive(): boolean {
    return this.wasAttached && !this.hasLeft && this.program.process.isAlive;
  }

  attach(flowId: number): void {
    this.flowId = flowId;
    this.wasAttached = true;
    this.talker.start();
    this.flow.world.enter(this.program.host, flowId, this);
  }

  /** A packet comes through the channel. */
  take(pdu: Uint8Array): void {
    if (this.hasLeft) return;
    const { nowUs } = this.flow.world;
    this.frcp.process.deliver(nowUs, this.frcp, pdu);
  }

  /** I25: the peer's half is over. What FRCP has not finished it never will. */
  lowerEnded(errno: number): void {
    this.frcp.process.whenAwake(this.flow.world.nowUs, () => {
      if (this.hasLeft) return;
      this.talker.stop();
      if (!this.frcp.isClosed) this.frcp.abort();
      this.leave(errno);
    });
  }

  leave(errno: number): void {
    if (this.hasLeft || !this.wasAttached) return;
    this.hasLeft = true;
    this.program.leave(this.flowId, errno);
  }
}

/** A flow between two programs of two hosts: two machines, their oracle and their programs' talk. */
export class StackFlow implements EndWorld, WorkloadWorld {
  readonly world: StackWorld;
  readonly alloc: Alloc;
  readonly client: StackEnd;
  readonly server: StackEnd;
  readonly checker: FlowChecker;
  #endingBegan = false;

  constructor(world: StackWorld, alloc: Alloc, server: SimProgram) {
    this.world = world;
    this.alloc = alloc;
    this.client = new StackEnd(this, alloc.client, `c${alloc.index}`);
    this.server = new StackEnd(this, server, `s${alloc.index}`);
    this.client.frcp.peer = this.server.frcp;
    this.server.frcp.peer = this.client.frcp;
    const { knobs, dice } = world;
    this.checker = new FlowChecker(world, this.client.frcp, this.server.frcp, dice.u32());
    const { ab, ba } = this.checker;
    this.client.talker = new Talker(this, this.client.frcp, knobs, dice.fork(), ab.stream, true);
    this.server.talker = new Talker(this, this.server.frcp, knobs, dice.fork(), ba.stream, false);
  }

  get ends(): readonly [StackEnd, StackEnd] {
    return [this.client, this.server];
  }

  get nowUs(): number {
    return this.world.nowUs;
  }

  get queue(): EventQueue {
    return this.world.queue;
  }

  get hurry(): boolean {
    return this.world.hurry;
  }

  endOf(frcp: FrcpEnd): StackEnd {
    return frcp === this.client.frcp ? this.client : this.server;
  }

  later(end: FrcpEnd, afterUs: number, run: () => void): void {
    const act = (): void => {
      if (!this.endOf(end).hasLeft) run();
    };
    this.queue.add(this.nowUs + afterUs, new Action(() => end.process.whenAwake(this.nowUs, act)));
  }

  transmit(from: FrcpEnd, pdu: Uint8Array): void {
    const end = this.endOf(from);
    if (end.wasAttached && !end.hasLeft) end.program.host.ipcp.fromProgram(end.flowId, pdu);
  }

  onEvent(frcp: FrcpEnd, event: FrcpEvent): void {
    const end = this.endOf(frcp);
    this.world.note(() => `${frcp.name}: ${event.type}`);
    if (event.type === 'end' && !frcp.closeCalled) {
      end.talker.stop();
      this.later(frcp, this.world.dice.below(SECOND), () => frcp.close());
    } else if (event.type === 'drained' || event.type === 'down') this.#leaveSoon(end);
  }

  /** After this turn: the machine is not entered again from within. */
  #leaveSoon(end: StackEnd): void {
    this.later(end.frcp, 0, () => end.leave(0));
  }

  onTurn(): void {
    if (this.#endingBegan) return;
    const { client, server, checker } = this;
    const { ab, ba } = checker;
    const done = client.talker.isDone && server.talker.isDone && server.wasAttached && client.wasAttached;
    if (!done || ab.delivered !== ab.written.length || ba.delivered !== ba.written.length) return;
    this.#endingBegan = true;
    const closer = this.world.dice.pick(this.ends);
    this.later(closer.frcp, this.world.dice.below(this.world.hurry ? 1_000 : 2 * SECOND), () =>
      closer.frcp.close(),
    );
  }
}

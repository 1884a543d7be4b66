import type { AttestedProcess, ControlMessage, ControlType } from '@flowring/common';
import { IrmMachine } from '../../../packages/irmd/src/core/irm-machine.ts';
import type { Effect, Input } from '../../../packages/irmd/src/core/inputs.ts';
import { Action } from '../event-queue.ts';
import { HostClock } from '../host-clock.ts';
import { SimProcess } from '../sim-process.ts';
import { violated } from '../violation.ts';
import { LAYER, SimIpcp } from './ipcp.ts';
import { SimProgram } from './program.ts';
import type { StackWorld } from './stack-world.ts';

/** From one process of a host to another over its lifeline. */
const LIFELINE_US = 30;
/** By then the IPCP has said hello. */
const CONFIGURE_US = 10_000;
const UID = 1_000;

/** One simulated host: the IRMd's core with its driver, an IPCP, and programs, each a process of its own. */
export class SimHost {
  readonly index: number;
  readonly name: string;
  readonly world: StackWorld;
  readonly clock: HostClock;
  readonly irmd: SimProcess;
  readonly irm = new IrmMachine({ ownUid: UID });
  readonly ipcp: SimIpcp;
  readonly programs: SimProgram[] = [];
  /** Who the IRMd knows by which id. */
  readonly #members = new Map<number, SimIpcp | SimProgram>();
  #processes = 0;
  #timerAtUs = Infinity;
  #channelToken = 0;

  constructor(world: StackWorld, index: number, ratePpm: number, epochUs: number) {
    this.world = world;
    this.index = index;
    this.name = `h${index}`;
    this.clock = new HostClock(ratePpm, epochUs);
    this.irmd = new SimProcess(`${this.name}.irmd`, this.clock, world.queue, true);
    this.ipcp = new SimIpcp(this, new SimProcess(`${this.name}.ipcp`, this.clock, world.queue, false));
    this.irmd.residents.push({ take: () => {}, onAwake: () => {}, runTimers: () => this.#runTimers() });
  }

  now(): number {
    return this.clock.at(this.world.nowUs);
  }

  /** The layer comes up: the IRMd starts the IPCP and makes it a member. */
  boot(): void {
    this.#input({
      type: 'message',
      process: 0,
      message: management('ipcp-create', { ipcp: LAYER, type: 'local' }),
    });
    const configure = management('ipcp-configure', { ipcp: LAYER, layer: LAYER });
    const run = (): void => this.#input({ type: 'message', process: 0, message: configure });
    this.world.queue.add(CONFIGURE_US, new Action(run));
  }

  /** A program starts: serves the host's name, and is a client of others'. */
  startProgram(): SimProgram {
    const program = new SimProgram(
      this,
      new SimProcess(`${this.name}.p${this.programs.length}`, this.clock, this.world.queue, false),
    );
    this.programs.push(program);
    program.id = this.#join(program, { kind: 'app', program: 'p', path: '/bin/p' });
    program.start();
    return program;
  }

  #join(member: SimIpcp | SimProgram, more: Partial<AttestedProcess>): number {
    const process = (this.#processes += 1);
    this.#members.set(process, member);
    const joined: AttestedProcess = {
      ...{ process, pid: 100 + process, uid: UID, gid: UID, startTicks: process },
      ...{ kind: 'app', program: 'p', path: '/bin/p', channels: ['shm'], ...more },
    };
    this.#later(() => this.#input({ type: 'process-joined', process: joined }));
    return process;
  }

  /** A process of this host tells the IRMd something. */
  tell(from: number, message: ControlMessage): void {
    this.#later(() => this.#input({ type: 'message', process: from, message }));
  }

  /** Its lifeline has closed. */
  died(process: number): void {
    this.#later(() => this.#input({ type: 'process-gone', process }));
  }

  #later(run: () => void): void {
    const { world } = this;
    world.queue.add(world.nowUs + LIFELINE_US, new Action(() => this.irmd.whenAwake(world.nowUs, run)));
  }

  #input(input: Input): void {
    this.world.note(() => `${this.name}.irmd < ${JSON.stringify(input)}`);
    this.#carryOut(this.irm.handle(input, this.now()));
  }

  #runTimers(): void {
    this.#timerAtUs = Infinity;
    this.#carryOut(this.irm.handleTimeout(this.now()));
  }

  #carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) this.#perform(effect);
    this.#arm();
    if (this.irm.counters.violations > 0)
      violated('I39', `${this.name}: the IRMd found a message that nobody sends`);
    if (this.irm.counters.unlistedTransitions > 0)
      violated('I29', `${this.name}: an endpoint took an unlisted step`);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.process, effect.message);
      case 'make-channel': {
        const token = `t${(this.#channelToken += 1)}`;
        return this.#later(() => this.#input({ type: 'channel-made', channel: effect.channel, token }));
      }
      case 'spawn-ipcp': {
        const token = `ipcp-${effect.child}`;
        this.#later(() => this.#input({ type: 'child-started', child: effect.child, pid: 9_000, token }));
        this.ipcp.id = this.#join(this.ipcp, {
          kind: 'ipcp',
          token,
          pid: 9_000,
          program: 'ipcpd',
          path: '/bin/ipcpd',
        });
        return;
      }
      case 'drop':
        return violated('I29', `${this.name}: the IRMd drops a process: ${effect.reason}`);
      default:
        return;
    }
  }

  #send(to: number, message: ControlMessage): void {
    const member = this.#members.get(to);
    if (member === undefined) return;
    const { world } = this;
    const deliver = (): void => member.process.whenAwake(world.nowUs, () => member.handle(message));
    world.queue.add(world.nowUs + LIFELINE_US, new Action(deliver));
  }

  #arm(): void {
    const at = this.irm.nextTimeout();
    if (at === null) return;
    const { world } = this;
    const atUs = Math.max(world.nowUs, this.clock.trueTimeOf(at));
    if (atUs >= this.#timerAtUs) return;
    this.#timerAtUs = atUs;
    const due = (): void => {
      if (this.#timerAtUs === atUs && !this.irmd.isStalled(world.nowUs)) this.#runTimers();
    };
    world.queue.addTimer(atUs, new Action(due));
  }
}

function management<T extends ControlType>(t: T, rest: object): ControlMessage {
  return { t, req: 1, ...rest } as unknown as ControlMessage;
}

import type { FrcpDownReason, FrcpEvent, FrcpParams, LowerFlow } from '@flowring/frcp';
import type { FlowChecker } from './checkers/flow-checker.ts';
import type { Due, EventQueue } from './event-queue.ts';
import type { Connection, Machine } from './machine.ts';
import type { Dice } from './seeded.ts';
import type { Resident, SimProcess } from './sim-process.ts';
import { violated } from './violation.ts';

/** What may be expected of a flow at all, from the faults that its seed has. */
export interface Expectations {
  /** No PDU lives longer than MPL. */
  readonly mplHolds: boolean;
  /** The path lets enough through that nobody gives up. */
  readonly mustSurvive: boolean;
  /** Nothing is lost, late or slow: nothing needs to be sent twice. */
  readonly isEven: boolean;
}

/** What an end of a flow needs from its world. */
export interface EndWorld {
  readonly nowUs: number;
  readonly queue: EventQueue;
  readonly checker: FlowChecker;
  /** Carries `pdu`, which nobody writes again, to the peer. */
  transmit(from: FrcpEnd, pdu: Uint8Array): void;
  onEvent(end: FrcpEnd, event: FrcpEvent): void;
  /** After each turn. */
  onTurn(end: FrcpEnd): void;
}

export interface EndOptions {
  readonly name: string;
  readonly machine: Machine;
  readonly params: Partial<FrcpParams> & { readonly randomU32: () => number };
  readonly process: SimProcess;
  readonly faults: Expectations;
  readonly timerLagUs: number;
  readonly turnUs: number;
  readonly dice: Dice;
}

/** Most PDUs that may leave in one instant: more, and the machine never comes to rest. */
const BURST_MAX = 200_000;

/** Shared by all ends: what is polled is copied out at once. */
const polled = new Uint8Array(1 << 16);

/** One end of a flow: the driver of a machine under test, and what the oracle wants to know of it. */
export class FrcpEnd implements Resident {
  readonly name: string;
  readonly conn: Connection;
  readonly params: FrcpParams;
  readonly process: SimProcess;
  readonly faults: Expectations;
  /** How much later than due this driver may act, by its own clock. */
  readonly lagUs: number;
  peer!: FrcpEnd;
  mtuBytes: number;
  mplUs: number;
  movedToSmaller = false;
  /** The program reads; if not at once, then one message in so long. */
  reading = true;
  readGapUs = 0;
  everPaused = false;
  /** The program reads a message; set by the workload. */
  onMessage: ((sdu: Uint8Array) => void) | null = null;
  closeCalled = false;
  aborted = false;
  /** It has believed a reset: it is over, though its driver asks only at the end of its turn. */
  isReset = false;
  /** It has sent a reset. */
  hasReset = false;
  downReason: FrcpDownReason | null = null;
  /** It closed before it saw the peer's end. */
  closedUnseen = false;
  /** How often the connection folded itself, and unfolded. */
  folded = 0;
  unfolded = 0;
  isClosed = false;
  isDown = false;
  isEnded = false;
  isDrained = false;
  closedAtUs = Infinity;
  readonly #world: EndWorld;
  readonly #timerLagUs: number;
  readonly #turnUs: number;
  readonly #dice: Dice;
  /** When the wake-up that counts comes, and the deadline for which it was planned. */
  #armedAtUs = Infinity;
  #armedForUs = Infinity;
  #turnPlanned = false;
  #mayReadAtUs = 0;

  constructor(world: EndWorld, options: EndOptions) {
    this.#world = world;
    this.name = options.name;
    this.params = options.machine.resolveParams(options.params);
    this.process = options.process;
    this.faults = options.faults;
    this.#timerLagUs = options.timerLagUs;
    this.#turnUs = options.turnUs;
    this.lagUs = Math.ceil((options.timerLagUs + options.turnUs) * 1.03) + 2;
    this.#dice = options.dice;
    this.mtuBytes = this.params.mtuBytes;
    this.mplUs = this.params.mplUs;
    this.conn = new options.machine.FrcpConnection(this.params, this.now());
    this.process.residents.push(this);
  }

  /** By the clock of its host. */
  now(): number {
    return this.process.clock.at(this.#world.nowUs);
  }

  get isAlive(): boolean {
    return this.process.isAlive;
  }

  /** Neither closed nor down: its counts are those of a flow that works. */
  get isOpen(): boolean {
    return !this.isClosed && !this.isDown && !this.isDrained && !this.isReset;
  }

  /** It runs, and has something it may still say. */
  get canSend(): boolean {
    return this.isAlive && !this.isDown && !this.isDrained && !this.process.isStalled(this.#world.nowUs);
  }

  /** Nothing will happen here any more. */
  get isOver(): boolean {
    return this.isDrained || !this.isAlive;
  }

  // What the program does. The process must not be stalled.

  write(sdu: Uint8Array): string {
    const outcome = this.conn.write(this.now(), sdu);
    if (outcome === 'queued') this.#world.checker.onWritten(this, sdu.length);
    this.settle();
    return outcome;
  }

  close(): void {
    if (this.closeCalled || this.isDown || this.isDrained) return;
    this.closeCalled = true;
    this.closedUnseen = !this.isEnded;
    this.#world.checker.onClose(this);
    this.conn.close(this.now());
    this.settle();
  }

  abort(): void {
    if (this.isDown || this.isDrained) return;
    this.aborted = this.isDown = true;
    this.conn.abort(this.now());
    this.settle();
  }

  move(lower: LowerFlow, isSame: boolean): void {
    if (this.isDown || this.isDrained) return;
    if (lower.mtuBytes < this.mtuBytes) this.movedToSmaller = true;
    this.mtuBytes = lower.mtuBytes;
    this.mplUs = Math.max(this.mplUs, lower.mplUs);
    this.#world.checker.onMove(this);
    if (isSame) this.conn.changeMtu(this.now(), lower.mtuBytes);
    else this.conn.moveLower(this.now(), lower);
    this.settle();
  }

  // What its driver does.

  /** A packet has come. */
  take(pdu: Uint8Array): void {
    const { checker } = this.#world;
    checker.beforeTaking(this, pdu);
    this.conn.handlePdu(this.now(), pdu, 0, pdu.length);
    checker.afterTaking(this);
    if (this.#turnUs === 0 || this.process.isStalled(this.#world.nowUs)) this.settle();
    else this.#planTurn();
  }

  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    this.#world.queue.addTimer(this.#world.nowUs + this.#turnUs, new Turn(this));
  }

  turn(): void {
    this.#turnPlanned = false;
    if (!this.isAlive || this.process.isStalled(this.#world.nowUs)) return;
    this.settle();
  }

  onAwake(): void {
    this.#world.checker.onAwake(this);
  }

  runTimers(): void {
    this.#armedAtUs = this.#armedForUs = Infinity;
    this.#handleTimeout();
    this.settle();
  }

  wakeUp(atUs: number): void {
    if (this.#armedAtUs !== atUs || !this.isAlive || this.process.isStalled(this.#world.nowUs)) return;
    this.#armedAtUs = this.#armedForUs = Infinity;
    this.#handleTimeout();
    this.settle();
  }

  /** Called too early it must change nothing. */
  #handleTimeout(): void {
    this.conn.handleTimeout(this.now());
    this.#world.checker.afterTimeout(this);
    if (this.folded === this.unfolded && this.isOpen && this.conn.nextTimeout() === null)
      if ('dormant' in this.conn.inspect()) this.folded += 1;
  }

  /** What a driver does at the end of a turn: read, send, tell, arm. */
  settle(): void {
    this.#read();
    this.#send();
    for (let event = this.conn.pollEvent(); event !== null; event = this.conn.pollEvent()) this.#tell(event);
    this.#arm();
    this.#world.checker.afterTurn(this);
    this.#world.onTurn(this);
  }

  /** The program takes what it may take now. */
  #read(): void {
    if (!this.reading || this.closeCalled || this.isDown) return;
    const { nowUs, queue, checker } = this.#world;
    if (this.readGapUs > 0 && nowUs < this.#mayReadAtUs) return;
    for (let sdu = this.conn.read(); sdu !== null; sdu = this.conn.read()) {
      checker.onDelivered(this, sdu);
      this.onMessage?.(sdu);
      if (this.readGapUs === 0) continue;
      this.#mayReadAtUs = nowUs + this.readGapUs;
      queue.addTimer(this.#mayReadAtUs, new Turn(this));
      break;
    }
  }

  #send(): void {
    const now = this.now();
    for (let n = 0; ; n += 1) {
      const bytes = this.conn.pollTransmit(now, polled, 0);
      if (bytes === 0) return;
      if (n > BURST_MAX) violated('I39', `${this.name} never stops sending`);
      if (bytes > this.mtuBytes)
        violated('I39', `${this.name} sends ${bytes} bytes, the MTU is ${this.mtuBytes}`);
      const pdu = polled.slice(0, bytes);
      this.#world.checker.onSent(this, pdu);
      this.#world.transmit(this, pdu);
    }
  }

  #tell(event: FrcpEvent): void {
    this.#world.checker.onEvent(this, event);
    if (event.type === 'closed') {
      this.isClosed = true;
      this.closedAtUs = this.#world.nowUs;
    } else if (event.type === 'down') {
      this.isDown = true;
      this.downReason = event.reason;
    } else if (event.type === 'end') this.isEnded = true;
    else if (event.type === 'drained') this.isDrained = true;
    this.#world.onEvent(this, event);
  }

  /** One timer; a later deadline keeps the earlier wake-up, which then does nothing. */
  #arm(): void {
    const dueAt = this.conn.nextTimeout();
    if (dueAt === null) return;
    if (this.folded > this.unfolded) this.unfolded = this.folded;
    const { nowUs, queue } = this.#world;
    const atUs = Math.max(nowUs, this.process.clock.trueTimeOf(dueAt));
    if (atUs >= this.#armedForUs) return;
    const lagUs = this.#timerLagUs === 0 ? 0 : this.#dice.below(this.#timerLagUs + 1);
    this.#armedForUs = atUs;
    this.#armedAtUs = atUs + lagUs;
    queue.addTimer(this.#armedAtUs, new WakeUp(this, this.#armedAtUs));
  }
}

class WakeUp implements Due {
  readonly #end: FrcpEnd;
  readonly #atUs: number;

  constructor(end: FrcpEnd, atUs: number) {
    this.#end = end;
    this.#atUs = atUs;
  }

  happen(): void {
    this.#end.wakeUp(this.#atUs);
  }
}

class Turn implements Due {
  readonly #end: FrcpEnd;

  constructor(end: FrcpEnd) {
    this.#end = end;
  }

  happen(): void {
    this.#end.turn();
  }
}

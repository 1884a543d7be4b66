import type { FrcpEnd } from './frcp-end.ts';
import { WORKLOAD, type Knobs } from './knobs.ts';
import { makeMessage } from './message-content.ts';
import type { Dice } from './seeded.ts';

const HEADER_BYTES = 16;
const TIMES_BYTES = 8;
const TRAILER_BYTES = 4;
const BLOCKED_RETRY_US = 100_000;
const STEP_US = 2_000;
/** Largest `think` once the faults are over: the rest of the work is done at once. */
const HURRY_US = 1_000;

/** What a program needs from its world. */
export interface WorkloadWorld {
  readonly hurry: boolean;
  /** An action of the program, delayed while its process stalls, dropped when it is dead. */
  later(end: FrcpEnd, afterUs: number, run: () => void): void;
}

/** The program at one end: writes its messages, and answers what it reads if the workload says so. */
export class Talker {
  readonly end: FrcpEnd;
  /** Messages it still wants to write on its own account. */
  left: number;
  /** Answers it owes. */
  owed = 0;
  serial = 0;
  blocked = 0;
  readonly #world: WorkloadWorld;
  readonly #knobs: Knobs;
  readonly #dice: Dice;
  readonly #stream: number;
  readonly #answers: boolean;
  readonly #waits: boolean;
  #stopped = false;
  /** The plan that counts; 0: none. */
  #planned = 0;
  #plans = 0;

  constructor(world: WorkloadWorld, end: FrcpEnd, knobs: Knobs, dice: Dice, stream: number, isA: boolean) {
    this.#world = world;
    this.end = end;
    this.#knobs = knobs;
    this.#dice = dice;
    this.#stream = stream;
    // What is lost is not answered, and then nobody may wait for the answer.
    const asks = knobs.workload === WORKLOAD.ASK && knobs.unreliable === 0;
    this.#answers = !isA && (asks || knobs.workload === WORKLOAD.ECHO);
    this.#waits = isA && asks;
    this.left = isA ? knobs.messagesA : this.#answers ? 0 : knobs.messagesB;
    end.onMessage = () => this.#onMessage();
  }

  start(): void {
    this.#plan(this.#dice.below(5_000));
  }

  /** Writes nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  get isDone(): boolean {
    return this.#stopped || (this.left === 0 && this.owed === 0);
  }

  #onMessage(): void {
    if (this.#answers) {
      this.owed += 1;
      this.#plan(this.#think());
    } else if (this.#waits) this.#plan(this.#think());
  }

  #think(): number {
    const { thinkUs } = this.#knobs;
    return 1 + this.#dice.below((this.#world.hurry ? Math.min(thinkUs, HURRY_US) : thinkUs) + STEP_US);
  }

  #plan(afterUs: number): void {
    if (this.#planned !== 0) return;
    const plan = (this.#planned = this.#plans += 1);
    this.#world.later(this.end, afterUs, () => {
      if (this.#planned !== plan) return;
      this.#planned = 0;
      this.#go();
    });
  }

  /** What it wanted to do later it does soon. */
  hurryUp(): void {
    if (this.#planned === 0) return;
    this.#planned = 0;
    this.#plan(this.#think());
  }

  #go(): void {
    const burst = this.#waits ? 1 : this.#knobs.burst;
    for (let n = 0; n < burst && !this.isDone; n += 1) {
      const outcome = this.end.write(makeMessage(this.#stream, this.serial, this.#size()));
      if (outcome === 'closed' || outcome === 'too-large') return this.stop();
      if (outcome === 'would-block') {
        this.blocked += 1;
        return this.#plan(BLOCKED_RETRY_US);
      }
      this.serial += 1;
      if (this.owed > 0) this.owed -= 1;
      else this.left -= 1;
    }
    if (!this.isDone && !this.#waits) this.#plan(this.#think());
  }

  #size(): number {
    const knobs = this.#knobs;
    const sizeMax = Math.min(knobs.sizeMaxBytes, knobs.sduMaxBytes);
    // Where messages may be missing, each must carry its whole id.
    const sizeMin = Math.min(
      sizeMax,
      knobs.unreliable === 1 ? Math.max(8, knobs.sizeMinBytes) : knobs.sizeMinBytes,
    );
    if (knobs.sizeNearMtu === 0) return this.#dice.between(sizeMin, sizeMax);
    const payload =
      this.end.mtuBytes -
      HEADER_BYTES -
      (knobs.timeless === 1 ? 0 : TIMES_BYTES) -
      (knobs.integrity === 1 ? TRAILER_BYTES : 0);
    const near = payload * this.#dice.between(1, Math.max(1, Math.floor(sizeMax / payload)));
    return Math.max(sizeMin, Math.min(sizeMax, near + this.#dice.between(-1, 1)));
  }
}

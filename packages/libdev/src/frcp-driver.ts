import type { RuntimeClock, TimerHandle } from './clock.ts';
import type { Timed } from './deadline-heap.ts';
import { DeadlineHeap } from './deadline-heap.ts';

/** A connection the driver runs. */
export interface Pumped extends Timed {
  /** In the list of the next pump. Written by the driver only. */
  touched: boolean;
  /** Handles a deadline that passed; a call that comes early does nothing. */
  timedOut(nowUs: number): void;
  /** Takes events, transmits, and returns the next deadline (`Infinity`: none). */
  pump(nowUs: number): number;
}

/** Connections used in each of so many consecutive jobs are pumped without waiting for the program to pause. */
const ROUNDS_MAX = 32;
/** Jobs that a program, woken by input, has to begin with reading and answering: what it does then needs no PDU of its own. */
const GRACE_ROUNDS = 2;

/**
 * Runs all FRCP connections of a process: one timer, one clock reading a turn. Input and writes only touch a
 * connection; at the end of the turn's input all touched ones are pumped, so that acknowledgements of a batch
 * become one. A program that reads or writes in a loop is let run up to `ROUNDS_MAX` rounds before.
 */
export class FrcpDriver {
  readonly #clock: RuntimeClock;
  readonly #heap = new DeadlineHeap<Pumped>();
  #touched: Pumped[] = [];
  #spare: Pumped[] = [];
  #scheduled = false;
  #used = false;
  #rounds = 0;
  #nowUs = -1;
  #timer: TimerHandle | null = null;
  #timerUs = Infinity;
  #timerTurn = false;

  constructor(clock: RuntimeClock) {
    this.#clock = clock;
  }

  /** The time of this turn: read once. */
  now(): number {
    if (this.#nowUs < 0) {
      this.#nowUs = this.#clock.nowUs();
      this.#schedule();
    }
    return this.#nowUs;
  }

  /** The program read or wrote, and may do more at once: it is waited for. */
  used(): void {
    this.#used = true;
  }

  /** Has the connection pumped at the end of this turn. */
  touch(connection: Pumped): void {
    if (connection.touched) return;
    connection.touched = true;
    this.#touched.push(connection);
    this.#schedule();
  }

  /** Forgets a connection. */
  drop(connection: Pumped): void {
    this.#heap.delete(connection);
  }

  readonly #job = (): void => {
    if (this.#rounds < GRACE_ROUNDS || (this.#used && this.#rounds < ROUNDS_MAX)) {
      this.#used = false;
      this.#rounds++;
      void SETTLED.then(this.#job);
      return;
    }
    this.#scheduled = false;
    this.#rounds = 0;
    this.#used = false;
    this.#pumpTouched();
  };

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    void SETTLED.then(this.#job);
  }

  #pumpTouched(): void {
    const now = this.#nowUs < 0 ? this.#clock.nowUs() : this.#nowUs;
    const batch = this.#touched;
    this.#touched = this.#spare;
    for (const connection of batch) {
      connection.touched = false;
      this.#setDeadline(connection, connection.pump(now));
    }
    batch.length = 0;
    this.#spare = batch;
    this.#nowUs = -1;
    this.#arm();
  }

  /** A deadline that moves away or falls away is left in place: when it fires, it is asked for the true one. */
  #setDeadline(connection: Pumped, deadlineUs: number): void {
    if (deadlineUs === Infinity) return;
    if (connection.heapIndex < 0 || deadlineUs < connection.deadlineUs) {
      this.#heap.set(connection, deadlineUs);
    }
  }

  #arm(): void {
    const first = this.#heap.first;
    if (first === undefined || this.#timerTurn || first.deadlineUs >= this.#timerUs) return;
    if (this.#timer !== null) this.#clock.cancel(this.#timer);
    this.#timer = null;
    this.#timerUs = first.deadlineUs;
    const delayUs = first.deadlineUs - this.#clock.nowUs();
    if (delayUs < this.#clock.turnUs) this.#soon();
    else this.#timer = this.#clock.after(delayUs, this.#soon);
  }

  /** Timers run before input in Node's loop, so a due timer waits for the input that is there already. */
  readonly #soon = (): void => {
    this.#timer = null;
    this.#timerTurn = true;
    this.#clock.afterInput(this.#expire);
  };

  readonly #expire = (): void => {
    this.#timerTurn = false;
    this.#timerUs = Infinity;
    const now = this.#clock.nowUs();
    this.#nowUs = now;
    for (
      let first = this.#heap.first;
      first !== undefined && first.deadlineUs <= now;
      first = this.#heap.first
    ) {
      this.#heap.delete(first);
      first.timedOut(now);
      if (first.touched) continue;
      first.touched = true;
      this.#touched.push(first);
    }
    this.#pumpTouched();
  };
}

const SETTLED = Promise.resolve();

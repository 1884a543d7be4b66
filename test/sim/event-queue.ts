/** Something that happens at a time. */
export interface Due {
  happen(): void;
}

/** Timers come after everything else of their instant: packets before timers. */
const TIMER_RANK = 2 ** 40;

/** What is going to happen, by time; of one instant in the order in which it was planned. A binary heap. */
export class EventQueue {
  #at: number[] = [];
  #order: number[] = [];
  #what: Due[] = [];
  #planned = 0;

  get size(): number {
    return this.#at.length;
  }

  /** When the first is due, µs; `Infinity` when none is. */
  get nextAtUs(): number {
    return this.#at.length === 0 ? Infinity : this.#at[0]!;
  }

  add(atUs: number, what: Due): void {
    this.#insert(atUs, this.#planned++, what);
  }

  addTimer(atUs: number, what: Due): void {
    this.#insert(atUs, TIMER_RANK + this.#planned++, what);
  }

  #insert(atUs: number, order: number, what: Due): void {
    const at = this.#at;
    const orders = this.#order;
    const whats = this.#what;
    let i = at.length;
    at.push(atUs);
    orders.push(order);
    whats.push(what);
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (at[up]! < atUs || (at[up] === atUs && orders[up]! < order)) break;
      at[i] = at[up]!;
      orders[i] = orders[up]!;
      whats[i] = whats[up]!;
      i = up;
    }
    at[i] = atUs;
    orders[i] = order;
    whats[i] = what;
  }

  /** Takes the first out; there is one. */
  take(): Due {
    const first = this.#what[0]!;
    const atUs = this.#at.pop()!;
    const order = this.#order.pop()!;
    const what = this.#what.pop()!;
    if (this.#at.length > 0) this.#sink(atUs, order, what);
    return first;
  }

  #sink(atUs: number, order: number, what: Due): void {
    const at = this.#at;
    const orders = this.#order;
    const whats = this.#what;
    const size = at.length;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && isBefore(at[right]!, orders[right]!, at[child]!, orders[child]!)) child = right;
      if (isBefore(atUs, order, at[child]!, orders[child]!)) break;
      at[i] = at[child]!;
      orders[i] = orders[child]!;
      whats[i] = whats[child]!;
      i = child;
    }
    at[i] = atUs;
    orders[i] = order;
    whats[i] = what;
  }
}

function isBefore(atUs: number, order: number, otherAtUs: number, otherOrder: number): boolean {
  return atUs < otherAtUs || (atUs === otherAtUs && order < otherOrder);
}

/** An action at a time. */
export class Action implements Due {
  readonly #run: () => void;

  constructor(run: () => void) {
    this.#run = run;
  }

  happen(): void {
    this.#run();
  }
}

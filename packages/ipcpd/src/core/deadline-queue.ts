import type { InstantUs } from '@flowring/frcp';

/** One armed deadline; its subject is `null` once it was taken or cancelled. */
export interface Deadline<T> {
  readonly atUs: InstantUs;
  subject: T | null;
}

/** Cancelled deadlines are swept when there are more than these, and more than live ones. */
const SWEEP_MIN = 64;

/** A binary min-heap of deadlines; cancelling is O(1), and what is cancelled takes at most as much room again. */
export class DeadlineQueue<T> {
  #heap: Deadline<T>[] = [];
  #cancelled = 0;

  /** Deadlines armed. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  add(atUs: InstantUs, subject: T): Deadline<T> {
    const deadline: Deadline<T> = { atUs, subject };
    const heap = this.#heap;
    let at = heap.push(deadline) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atUs <= atUs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = deadline;
    return deadline;
  }

  /** Idempotent; also for one that was taken. */
  cancel(deadline: Deadline<T> | null): void {
    if (deadline === null || deadline.subject === null) return;
    deadline.subject = null;
    this.#cancelled += 1;
    if (this.#cancelled > SWEEP_MIN && this.#cancelled > this.#heap.length / 2) this.#sweep();
  }

  /** The earliest deadline, or `null`. */
  nextAt(): InstantUs | null {
    while (this.#heap.length > 0 && this.#heap[0]!.subject === null) {
      this.#removeTop();
      this.#cancelled -= 1;
    }
    return this.#heap.length === 0 ? null : this.#heap[0]!.atUs;
  }

  /** Takes the subject of one deadline that is due, or `null`. */
  takeDue(nowUs: InstantUs): T | null {
    const at = this.nextAt();
    if (at === null || at > nowUs) return null;
    const deadline = this.#removeTop();
    const { subject } = deadline;
    deadline.subject = null;
    return subject;
  }

  /** A sorted array is a heap. */
  #sweep(): void {
    this.#heap = this.#heap.filter((one) => one.subject !== null).sort((a, b) => a.atUs - b.atUs);
    this.#cancelled = 0;
  }

  #removeTop(): Deadline<T> {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    const length = heap.length;
    if (length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && heap[child + 1]!.atUs < heap[child]!.atUs) child += 1;
      if (heap[child]!.atUs >= last.atUs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

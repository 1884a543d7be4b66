import type { Delivery } from './link.ts';

/** Deliveries by time, and in order of arrival where the time is the same (a binary heap). */
export class DeliveryQueue<T extends Delivery> {
  readonly #heap: { readonly delivery: T; readonly order: number }[] = [];
  #added = 0;

  get size(): number {
    return this.#heap.length;
  }

  get nextAtUs(): number {
    return this.#heap[0]?.delivery.atUs ?? Infinity;
  }

  add(delivery: T): void {
    const heap = this.#heap;
    let at = heap.push({ delivery, order: this.#added++ }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The first, if it is due. */
  take(nowUs: number): T | null {
    if (this.nextAtUs > nowUs) return null;
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#sink();
    }
    return first.delivery;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const child = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, at)) return;
      this.#swap(child, at);
      at = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a]!, this.#heap[b]!];
    if (one.delivery.atUs !== other.delivery.atUs) return one.delivery.atUs < other.delivery.atUs;
    return one.order < other.order;
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b]!, this.#heap[a]!];
  }
}

/** Something with a deadline; `heapIndex` is the heap's own, -1 while it has none. */
export interface Timed {
  deadlineUs: number;
  heapIndex: number;
}

/** The earliest deadline of many: set, move and clear are O(log n), and a cleared one leaves nothing behind. */
export class DeadlineHeap<T extends Timed> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The earliest, or `undefined`. */
  peek(): T | undefined {
    return this.#items[0];
  }

  set(item: T, deadlineUs: number): void {
    if (item.heapIndex < 0) {
      item.heapIndex = this.#items.length;
      this.#items.push(item);
    }
    item.deadlineUs = deadlineUs;
    this.#up(item.heapIndex);
    this.#down(item.heapIndex);
  }

  clear(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#place(last, index);
    this.#up(index);
    this.#down(last.heapIndex);
  }

  #up(start: number): void {
    let index = start;
    const item = this.#items[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#items[parent]!;
      if (above.deadlineUs <= item.deadlineUs) break;
      this.#place(above, index);
      index = parent;
    }
    this.#place(item, index);
  }

  #down(start: number): void {
    const items = this.#items;
    let index = start;
    const item = items[index]!;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]!.deadlineUs < items[child]!.deadlineUs) child += 1;
      const below = items[child]!;
      if (below.deadlineUs >= item.deadlineUs) break;
      this.#place(below, index);
      index = child;
    }
    this.#place(item, index);
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}

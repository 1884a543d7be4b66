/** Something with a deadline, in at most one heap. */
export interface Timed {
  /** Position in the heap; -1 when outside. Written by the heap only. */
  heapIndex: number;
  /** Written by the heap only. */
  deadlineUs: number;
}

/** A binary min-heap by deadline. */
export class DeadlineHeap<T extends Timed> {
  readonly #items: T[] = [];

  get first(): T | undefined {
    return this.#items[0];
  }

  get size(): number {
    return this.#items.length;
  }

  /** Adds an item or moves it to another deadline. */
  set(item: T, deadlineUs: number): void {
    const before = item.deadlineUs;
    item.deadlineUs = deadlineUs;
    if (item.heapIndex < 0) {
      item.heapIndex = this.#items.length;
      this.#items.push(item);
      this.#up(item);
    } else if (deadlineUs < before) this.#up(item);
    else this.#down(item);
  }

  delete(item: T): void {
    const at = item.heapIndex;
    if (at < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#place(last, at);
    this.#up(last);
    this.#down(last);
  }

  #up(item: T): void {
    let at = item.heapIndex;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#items[parentAt]!;
      if (parent.deadlineUs <= item.deadlineUs) break;
      this.#place(parent, at);
      at = parentAt;
    }
    this.#place(item, at);
  }

  #down(item: T): void {
    const size = this.#items.length;
    let at = item.heapIndex;
    for (;;) {
      let childAt = at * 2 + 1;
      if (childAt >= size) break;
      if (childAt + 1 < size && this.#items[childAt + 1]!.deadlineUs < this.#items[childAt]!.deadlineUs) {
        childAt++;
      }
      const child = this.#items[childAt]!;
      if (child.deadlineUs >= item.deadlineUs) break;
      this.#place(child, at);
      at = childAt;
    }
    this.#place(item, at);
  }

  #place(item: T, at: number): void {
    this.#items[at] = item;
    item.heapIndex = at;
  }
}

/** What an element of a {@link LinkedList} carries; an element is in at most one list at a time. */
export interface Linked<T> {
  prev: T | null;
  next: T | null;
  linked: boolean;
}

/** A list through its elements: push, take and remove anywhere are O(1) and allocate nothing. */
export class LinkedList<T extends Linked<T>> {
  first: T | null = null;
  last: T | null = null;
  size = 0;

  push(item: T): void {
    this.insertBefore(item, null);
  }

  /** Puts `item` in front of `mark`, or at the end when `mark` is null. */
  insertBefore(item: T, mark: T | null): void {
    if (item.linked) return;
    const prev = mark === null ? this.last : mark.prev;
    item.prev = prev;
    item.next = mark;
    item.linked = true;
    if (prev === null) this.first = item;
    else prev.next = item;
    if (mark === null) this.last = item;
    else mark.prev = item;
    this.size += 1;
  }

  remove(item: T): void {
    if (!item.linked) return;
    if (item.prev === null) this.first = item.next;
    else item.prev.next = item.next;
    if (item.next === null) this.last = item.prev;
    else item.next.prev = item.prev;
    item.prev = null;
    item.next = null;
    item.linked = false;
    this.size -= 1;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let item = this.first; item !== null;) {
      const next = item.next;
      yield item;
      item = next;
    }
  }
}

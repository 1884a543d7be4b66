import type { PeerAddress } from '../../core/fa-flow.ts';
import type { Directory } from '../layer.ts';

/** A directory of our own names, and of what the configuration says. */
export class StaticDirectory implements Directory {
  readonly #own = new Set<string>();
  readonly #self: PeerAddress;
  readonly #names: ReadonlyMap<string, PeerAddress>;

  constructor(self: PeerAddress, names: ReadonlyMap<string, PeerAddress>) {
    this.#self = self;
    this.#names = names;
  }

  register(name: string): void {
    this.#own.add(name);
  }

  unregister(name: string): void {
    this.#own.delete(name);
  }

  lookup(name: string): PeerAddress | null {
    return this.#own.has(name) ? this.#self : (this.#names.get(name) ?? null);
  }
}

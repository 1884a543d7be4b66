import type { PeerAddress } from '../core/fa-flow.ts';
import type { Directory } from './layer.ts';

/** A directory that is a table in the configuration; names of this host need no entry in it. */
export class StaticDirectory implements Directory {
  readonly #names: Readonly<Record<string, PeerAddress>>;

  constructor(names: Readonly<Record<string, PeerAddress>>) {
    this.#names = names;
  }

  register(): void {}

  unregister(): void {}

  lookup(name: string): PeerAddress | null {
    return Object.hasOwn(this.#names, name) ? this.#names[name]! : null;
  }
}

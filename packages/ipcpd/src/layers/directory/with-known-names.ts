import type { PeerAddress } from '../../core/fa-flow.ts';
import type { Directory } from '../layer.ts';

/** A directory, and before it the names whose IPCP the configuration says. */
export class WithKnownNames implements Directory {
  readonly #names: ReadonlyMap<string, PeerAddress>;
  readonly #directory: Directory;

  constructor(names: ReadonlyMap<string, PeerAddress>, directory: Directory) {
    this.#names = names;
    this.#directory = directory;
  }

  register(name: string): void | Promise<void> {
    return this.#directory.register(name);
  }

  unregister(name: string): void | Promise<void> {
    return this.#directory.unregister(name);
  }

  lookup(name: string): PeerAddress | null | Promise<PeerAddress | null> {
    return this.#names.get(name) ?? this.#directory.lookup(name);
  }

  failed(name: string, peer: PeerAddress): void {
    this.#directory.failed?.(name, peer);
  }

  onPdu(peer: PeerAddress, pdu: Uint8Array): void {
    this.#directory.onPdu?.(peer, pdu);
  }

  counters(): Readonly<Record<string, number>> {
    return this.#directory.counters?.() ?? {};
  }

  close(): void | Promise<void> {
    return this.#directory.close?.();
  }
}

import type { QueryInput, QueryOutput } from '../../src/core/directory/query.ts';
import { QueryDirectory } from '../../src/core/directory/query.ts';

/** IPCPs with query directories, a path of 1 ms between any two, and a clock that this moves. */
export class QueryWorld {
  nowUs = 0;
  /** Whether a packet is lost; called once per packet. */
  lost: (from: string, to: string) => boolean = () => false;
  readonly directories = new Map<string, QueryDirectory>();
  /** By ticket: where the name is, `null` for nowhere, or why the lookup failed. */
  readonly answers = new Map<number, string | null>();
  sent = 0;
  readonly #flying: {
    readonly atUs: number;
    readonly from: string;
    readonly to: string;
    readonly pdu: Uint8Array;
  }[] = [];
  #lastTicket = 0;

  constructor(peers: Readonly<Record<string, readonly string[]>>, random: () => number = counter()) {
    for (const [self, others] of Object.entries(peers)) {
      this.directories.set(self, new QueryDirectory({ self, peers: others, random }));
    }
  }

  input(at: string, input: QueryInput): void {
    this.#carryOut(at, this.directories.get(at)!.handle(input, this.nowUs));
  }

  lookup(at: string, name: string): number {
    const ticket = (this.#lastTicket += 1);
    this.input(at, { t: 'lookup', name, ticket });
    return ticket;
  }

  /** The answer after the world ran for `ms`. */
  ask(at: string, name: string, ms = 10_000): string | null | undefined {
    const ticket = this.lookup(at, name);
    if (!this.answers.has(ticket)) this.run(ms);
    return this.answers.get(ticket);
  }

  run(ms: number): void {
    const endUs = this.nowUs + ms * 1_000;
    for (let next = this.#next(); next <= endUs; next = this.#next()) {
      this.nowUs = next;
      this.#arrive();
      for (const [at, directory] of this.directories) this.#carryOut(at, directory.handleTimeout(this.nowUs));
    }
    this.nowUs = endUs;
  }

  #next(): number {
    let next = this.#flying[0]?.atUs ?? Infinity;
    for (const directory of this.directories.values())
      next = Math.min(next, directory.nextTimeout() ?? Infinity);
    return Math.max(next, this.nowUs);
  }

  #arrive(): void {
    while (this.#flying.length > 0 && this.#flying[0]!.atUs <= this.nowUs) {
      const { from, to, pdu } = this.#flying.shift()!;
      const directory = this.directories.get(to);
      if (directory !== undefined)
        this.#carryOut(to, directory.handle({ t: 'pdu', peer: from, pdu }, this.nowUs));
    }
  }

  #carryOut(from: string, outputs: readonly QueryOutput[]): void {
    for (const output of outputs) {
      if (output.t === 'found') this.answers.set(output.ticket, output.peer);
      else if (output.t === 'failed') this.answers.set(output.ticket, output.reason);
      else this.#send(from, output.peer, output.pdu);
    }
  }

  #send(from: string, to: string, pdu: Uint8Array): void {
    this.sent += 1;
    if (!this.lost(from, to)) this.#flying.push({ atUs: this.nowUs + 1_000, from, to, pdu });
  }
}

function counter(): () => number {
  let last = 0;
  return () => (last += 1);
}

import path from 'node:path';
import { startRemoteProgram } from '../../scenarios/remote-program.mjs';
import type { Impairment, LinkCounts } from './link.ts';
import type { Recorded, RelayOptions, Side } from './relaying.ts';

const RUNNER = path.resolve(import.meta.dirname, '../../support/typescript-program.mjs');
const PROGRAM = path.join(import.meta.dirname, 'relay-program.ts');

/** A relay in a process of its own: inside a namespace, or on this host. See {@link Relaying}. */
export class Relay {
  readonly #program: Awaited<ReturnType<typeof startRemoteProgram>>;

  private constructor(program: Awaited<ReturnType<typeof startRemoteProgram>>) {
    this.#program = program;
  }

  static async start(options: RelayOptions, entry: readonly string[] = []): Promise<Relay> {
    const env = { ...process.env };
    delete env['NODE_OPTIONS'];
    const relay = new Relay(await startRemoteProgram({ args: [RUNNER, PROGRAM], env, entry }));
    try {
      await relay.#program.call('open', options);
    } catch (error) {
      await relay.stop();
      throw error;
    }
    return relay;
  }

  get pid(): number {
    return this.#program.pid!;
  }

  /** Both ways, and each replaces what was before. */
  async impair(impairment: Partial<Impairment>): Promise<void> {
    await Promise.all([this.impairFrom('a', impairment), this.impairFrom('b', impairment)]);
  }

  /** What `from` sends. */
  async impairFrom(from: Side, impairment: Partial<Impairment>): Promise<void> {
    await this.#program.call('impair', from, impairment);
  }

  counts(from: Side): Promise<LinkCounts> {
    return this.#program.call('counts', from) as Promise<LinkCounts>;
  }

  takeLateMs(): Promise<number> {
    return this.#program.call('takeLateMs') as Promise<number>;
  }

  rebind(from: Side, address?: string): Promise<number> {
    return this.#program.call('rebind', from, address) as Promise<number>;
  }

  async record(max: number): Promise<void> {
    await this.#program.call('record', max);
  }

  recorded(): Promise<readonly Recorded[]> {
    return this.#program.call('recorded') as Promise<readonly Recorded[]>;
  }

  async inject(from: Side, datagrams: readonly Uint8Array[]): Promise<void> {
    await this.#program.call('inject', from, datagrams);
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }
}

import { serveOperations } from '../../scenarios/serve-operations.mjs';
import { Relaying } from './relaying.ts';
import type { Impairment, LinkCounts } from './link.ts';
import type { Recorded, RelayOptions, Side } from './relaying.ts';

let relaying: Relaying | null = null;

serveOperations({
  async open(options: RelayOptions): Promise<void> {
    relaying = await Relaying.open(options);
  },
  impair: (from: Side, impairment: Partial<Impairment>): void => relaying!.impair(from, impairment),
  counts: (from: Side): LinkCounts => relaying!.counts(from),
  takeLateMs: (): number => relaying!.takeLateMs(),
  rebind: (from: Side, address?: string): Promise<number> => relaying!.rebind(from, address),
  record: (max: number): void => relaying!.record(max),
  recorded: (): readonly Recorded[] => relaying!.recorded(),
  inject: (from: Side, datagrams: readonly Uint8Array[]): void => relaying!.inject(from, datagrams),
});

import type { Impairment } from '../relay/link.ts';
import type { FlowHosts } from '../support/flow-hosts.ts';
import { LAYER } from '../support/flow-hosts.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { max, quantile, serving } from './scenario.ts';

const ALLOCATIONS_AT_ONCE = 20;
const ALLOCATION_MAX_MS = 10_000;

interface Attempt {
  readonly ms: number;
  readonly code: string | null;
}

async function allocations(on: FlowHosts, rounds: number, faults: Partial<Impairment>): Promise<Outcome> {
  const { client, server } = await serving(on, 'serveEcho', 'echo');
  await on.relay.impair(faults);
  const attempts: Attempt[] = [];
  const options = { layer: LAYER, qos: 'raw', timeoutMs: 2 * ALLOCATION_MAX_MS };
  for (let round = 0; round < rounds; round += 1)
    attempts.push(...((await client.call('allocations', 'echo', ALLOCATIONS_AT_ONCE, options)) as Attempt[]));
  await on.relay.impair({});
  const times = attempts.map(({ ms }) => ms);
  const failed = attempts.filter(({ code }) => code !== null);
  const accepted = (await server.call('accepted')) as number;
  return {
    ok: failed.length === 0 && accepted === attempts.length,
    inTime: max(times) <= ALLOCATION_MAX_MS,
    figures: {
      allocations: attempts.length,
      failed: [...new Set(failed.map(({ code }) => code))].join(' ') || 0,
      accepted,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      max: max(times),
    },
  };
}

export const ALLOCATION: readonly Scenario[] = [
  {
    id: 'N1',
    promise:
      'allocations under 30 % loss both ways, in bursts of up to 3, all succeed within 10 s, none twice',
    sample: 2,
    full: 50,
    run: (on, rounds) => allocations(on, rounds, { lossPct: 30, lossBurstMax: 3, delayUs: 15_000 }),
  },
  {
    id: 'N2',
    promise: 'allocations with 30 % of the packets damaged both ways all succeed within 10 s, none twice',
    sample: 2,
    full: 50,
    run: (on, rounds) => allocations(on, rounds, { corruptPct: 30, delayUs: 15_000 }),
  },
];

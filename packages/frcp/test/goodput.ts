import { Bottleneck, Simulation, type BulkFlow } from './bottleneck.ts';
import { FrcpBulkFlow } from './frcp-bulk-flow.ts';
import { TcpCubicFlow } from './tcp-cubic-model.ts';

export interface GoodputScenario {
  readonly bitsPerSecond: number;
  readonly rttUs: number;
  readonly lossRate: number;
  readonly seconds: number;
  readonly seed: number;
  /** Queue, in products of bandwidth and round trip. */
  readonly queue: number;
  /** Our timers come up to so much late. */
  readonly lateUs?: number;
}

export type Kind = 'frcp' | 'tcp';

function linkOf(scenario: GoodputScenario): Bottleneck {
  const { bitsPerSecond, rttUs, lossRate, seed, queue } = scenario;
  const queueBytes = Math.round((queue * bitsPerSecond * rttUs) / 8e6);
  return new Bottleneck(new Simulation(), { bitsPerSecond, rttUs, lossRate, seed, queueBytes });
}

export function flowOf(kind: Kind, link: Bottleneck, scenario: GoodputScenario, n = 0): BulkFlow {
  if (kind === 'tcp') return new TcpCubicFlow(link);
  return new FrcpBulkFlow(link, scenario.seed + 1_000 * n, {}, scenario.lateUs);
}

/** Mbit/s that the program at the other end gets from one flow alone. */
export function goodputMbits(kind: Kind, scenario: GoodputScenario): number {
  const link = linkOf(scenario);
  const flow = flowOf(kind, link, scenario);
  flow.start();
  link.sim.runUntil(scenario.seconds * 1e6);
  return (flow.deliveredBytes * 8) / (scenario.seconds * 1e6);
}

/** What each of several flows gets in the second part of the time, `startsS` after the first began. */
export function shares(
  kinds: readonly Kind[],
  startsS: readonly number[],
  fromS: number,
  scenario: GoodputScenario,
): number[] {
  const link = linkOf(scenario);
  const flows = kinds.map((kind, n) => flowOf(kind, link, scenario, n));
  flows.forEach((flow, n) => link.sim.at(startsS[n]! * 1e6, () => flow.start()));
  link.sim.runUntil(fromS * 1e6);
  const before = flows.map((flow) => flow.deliveredBytes);
  link.sim.runUntil(scenario.seconds * 1e6);
  return flows.map(
    (flow, n) => ((flow.deliveredBytes - before[n]!) * 8) / ((scenario.seconds - fromS) * 1e6),
  );
}

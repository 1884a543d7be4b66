import fs from 'node:fs';
import type { FlowHosts, Program, Settings } from '../support/flow-hosts.ts';

/** What came out of a scenario: whether it is what was promised, and the figures that say so. */
export interface Outcome {
  readonly ok: boolean;
  /** Whether it was as quick as promised; CI, whose machines are busy, does not ask. */
  readonly inTime?: boolean;
  readonly figures: Readonly<Record<string, number | string>>;
}

/** One promise about two hosts, with the faults under which it is to hold. Host a is the client, b serves. */
export interface Scenario {
  /** Row of the tables of faults, such as `N1`; what follows a point tells its variants apart. */
  readonly id: string;
  /** The promise, as a sentence. */
  readonly promise: string;
  /** Trials in CI. */
  readonly sample: number;
  /** Trials of the acceptance run. */
  readonly full: number;
  /** Needs a layer of its own with these settings; else it shares one with others. */
  readonly settings?: Settings;
  run(on: FlowHosts, trials: number): Promise<Outcome>;
}

/** Programs on both hosts, the one on b serving as `how` says. */
export async function serving(
  on: FlowHosts,
  how: 'serveEcho' | 'serveDigest' | 'serveCheck' | 'serveKeep',
  name: string,
): Promise<{ readonly client: Program; readonly server: Program }> {
  const [server, client] = await Promise.all([on.program('b'), on.program('a')]);
  await server.call(how, name);
  return { client, server };
}

export function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1_024;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

export function max(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs `count` trials, some at a time, and resolves to their results in order. */
export async function trials<T>(
  count: number,
  parallel: number,
  one: (n: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const n = next++;
      results[n] = await one(n);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, worker));
  return results;
}

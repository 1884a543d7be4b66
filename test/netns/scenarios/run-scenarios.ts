import { FlowHosts } from '../support/flow-hosts.ts';
import type { Outcome, Scenario } from './scenario.ts';

/** Runs scenarios one after another, on hosts that those without settings of their own share. */
export class ScenarioRunner {
  #hosts: FlowHosts | null = null;
  #settings = '';

  async run(scenario: Scenario, trials: number): Promise<Outcome> {
    const hosts = await this.#hostsFor(scenario);
    await hosts.relay.takeLateMs();
    try {
      const outcome = await scenario.run(hosts, trials).catch(thrown);
      return { ...outcome, figures: { ...outcome.figures, pathLateMs: await hosts.relay.takeLateMs() } };
    } finally {
      await hosts.relay.impair({});
      await hosts.stopPrograms();
    }
  }

  async stop(): Promise<void> {
    const hosts = this.#hosts;
    this.#hosts = null;
    await hosts?.stop();
  }

  async #hostsFor({ settings }: Scenario): Promise<FlowHosts> {
    const wanted = JSON.stringify(settings ?? {});
    if (this.#hosts !== null && this.#settings !== wanted) await this.stop();
    this.#settings = wanted;
    return (this.#hosts ??= await FlowHosts.relayed(settings));
  }
}

/** One that fails with an error keeps no other from running. */
export function thrown(error: unknown): Outcome {
  return { ok: false, figures: { error: String(error) } };
}

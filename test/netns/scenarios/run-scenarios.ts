import { FlowHosts } from '../support/flow-hosts.ts';
import type { Outcome, Scenario } from './scenario.ts';

/** Runs scenarios one after another, on hosts that those without settings of their own share. */
export class ScenarioRunner {
  #hosts: FlowHosts | null = null;
  #settings = '';

  async run(scenario: Scenario, trials: number): Promise<Outcome> {
    const hosts = await this.#hostsFor(scenario);
    try {
      return await scenario.run(hosts, trials);
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

import { afterAll, expect, test } from '@jest/globals';
import { SCENARIOS } from './scenarios/all.ts';
import { ScenarioRunner } from './scenarios/run-scenarios.ts';
import { describeOnTwoHosts } from './support/describe-on-two-hosts.ts';

describeOnTwoHosts('between two hosts', () => {
  const runner = new ScenarioRunner();
  afterAll(() => runner.stop());

  test.each(SCENARIOS.map((scenario) => [scenario.id, scenario.promise, scenario] as const))(
    '%s: %s',
    async (_id, _promise, scenario) => {
      const { ok, figures } = await runner.run(scenario, scenario.sample);
      expect({ ok, ...figures }).toEqual({ ...figures, ok: true });
    },
  );
});

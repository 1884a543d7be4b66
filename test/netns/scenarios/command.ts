import { SCENARIOS } from './all.ts';
import { ScenarioRunner, thrown } from './run-scenarios.ts';

/** Told of each outcome, as `judge` of the acceptance run takes it. */
export type Judge = (name: string, ok: boolean, figures: Readonly<Record<string, number | string>>) => void;

/** Runs the scenarios named in `ids`, `N3` for all its variants (all without); with `trials`, or as many as the tables want. */
export async function runScenarios(
  judge: Judge,
  { ids, trials }: { ids?: readonly string[]; trials?: number } = {},
): Promise<void> {
  const runner = new ScenarioRunner();
  try {
    for (const scenario of SCENARIOS) {
      if (ids !== undefined && !ids.some((id) => `${scenario.id}.`.startsWith(`${id}.`))) continue;
      console.log(`\n${scenario.id}: ${scenario.promise}`);
      const began = performance.now();
      const {
        ok,
        inTime = true,
        figures,
      } = await runner.run(scenario, trials ?? scenario.full).catch(thrown);
      judge(`net: ${scenario.id}`, ok && inTime, {
        ...figures,
        seconds: (performance.now() - began) / 1_000,
      });
    }
  } finally {
    await runner.stop();
  }
}

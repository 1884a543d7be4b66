// Writes docs/ERRORS.md, docs/LIMITS.md and docs/METRICS.md. Build first: it reads the compiled tables.
import fs from 'node:fs';
import { ERROR_TABLE, LIMITS, METRICS, TIMES, metricName } from '@flowring/common';
import { ERROR_ADVICE, LIMIT_OUTCOMES, TIME_OUTCOMES } from './docs-advice.mjs';
import { renderErrors, renderLimits, renderMetricsTable } from './docs-tables.mjs';

const at = (relative) => new URL(`../${relative}`, import.meta.url);
const limits = renderLimits({
  limits: LIMITS,
  times: TIMES,
  source: fs.readFileSync(at('packages/common/src/limits.ts'), 'utf8'),
  limitOutcomes: LIMIT_OUTCOMES,
  timeOutcomes: TIME_OUTCOMES,
});
fs.writeFileSync(at('docs/LIMITS.md'), limits);
fs.writeFileSync(at('docs/ERRORS.md'), renderErrors(ERROR_TABLE, ERROR_ADVICE));
fs.writeFileSync(at('docs/METRICS.md'), renderMetricsTable(METRICS, metricName));

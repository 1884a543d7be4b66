import type { Command } from 'commander';
import type { MetricsReport } from '@flowring/common';
import { renderMetrics } from '@flowring/common';
import type { Terminal } from '../leaf.ts';
import { leaf } from '../leaf.ts';

export function metrics(terminal: Terminal): Command {
  return leaf('metrics', 'all counters, in the text format of Prometheus', terminal, async (session) => {
    const report = await session.request({ t: 'metrics' });
    if (session.json) return session.line(JSON.stringify(report));
    session.line(renderMetrics(report as unknown as MetricsReport).trimEnd());
  });
}

import { describe, expect, test } from '@jest/globals';
import { METRICS, metricName, renderMetrics } from '../src/metrics.ts';
import { parseCounterGroups, parseFlowReports } from '../src/ipcp-reports.ts';

const REPORT = {
  irmd: { flows: 3, allocations: 7, unheardOf: 1 },
  ipcps: [
    {
      ipcp: 'a',
      layer: 'l',
      type: 'udp',
      counters: { fa: { pdusSent: 5, stalledUs: 1_500_000 }, other: { x: 1 } },
    },
    { ipcp: 'b"\\\n', layer: 'l', type: 'udp', counters: { fa: { pdusSent: 6 } } },
  ],
};

describe('the metrics', () => {
  test('are text that Prometheus reads: each with its help and type, then a line per IPCP', () => {
    expect(renderMetrics(REPORT)).toBe(`# HELP flowring_irmd_flows Flow endpoints
# TYPE flowring_irmd_flows gauge
flowring_irmd_flows 3
# HELP flowring_irmd_allocations_total Allocations asked for, by programs and by layers
# TYPE flowring_irmd_allocations_total counter
flowring_irmd_allocations_total 7
# HELP flowring_fa_pdus_sent_total FA PDUs sent: requests, answers, liveness
# TYPE flowring_fa_pdus_sent_total counter
flowring_fa_pdus_sent_total{ipcp="a",layer="l",type="udp"} 5
flowring_fa_pdus_sent_total{ipcp="b\\"\\\\\\n",layer="l",type="udp"} 6
# HELP flowring_fa_stalled_seconds_total Time our own loop stood still, as credited to the peers
# TYPE flowring_fa_stalled_seconds_total counter
flowring_fa_stalled_seconds_total{ipcp="a",layer="l",type="udp"} 1.5
`);
  });

  test('have names of their own that Prometheus allows', () => {
    const names = Object.entries(METRICS).flatMap(([group, rows]) =>
      Object.keys(rows).map((key) => metricName(group, key)),
    );
    expect(names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('what an IPCP reports', () => {
  const good = { flow: 1, peer: 'p', rttMs: 1.5, loss: null, heardMs: 0 };

  test.each([
    [null],
    [3],
    ['x'],
    [[null, 3, {}, [], { flow: '1' }]],
    [[{ ...good, peer: 'x'.repeat(256) }]],
    [[{ ...good, heardMs: -1 }]],
  ])('is left out where it makes no sense: %j', (value) => {
    expect(parseFlowReports(value)).toEqual([]);
  });

  test('is taken over field by field', () => {
    expect(parseFlowReports([{ ...good, more: 1, loss: NaN }])).toEqual([good]);
    expect(parseCounterGroups({ fa: { pdusSent: 1, bad: 'x' }, none: null })).toEqual({
      fa: { pdusSent: 1 },
      none: {},
    });
    expect(parseCounterGroups(7)).toBeNull();
  });
});

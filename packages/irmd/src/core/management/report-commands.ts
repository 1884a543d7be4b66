import type { CounterGroups, FlowReport, MetricsReport } from '@flowring/common';
import { parseCounterGroups, parseFlowReports } from '@flowring/common';
import type { Gathering } from '../errands.ts';
import { sendErrand } from '../errands.ts';
import type { IrmState } from '../irm-state.ts';
import type { FlowEntry } from '../registry/flow.ts';
import type { IpcpEntry } from '../registry/ipcp.ts';
import type { Handlers } from './handlers.ts';
import { flowRow, pageOf, statusOf } from './list-commands.ts';

/** How long an IPCP may take to tell of its flows and counters, ms; one that is late is left out. */
const REPORT_MS = 1_000;

type ReportMessage =
  { readonly t: 'ipcp-metrics' } | { readonly t: 'ipcp-flows'; readonly flows: readonly number[] };

export const reportCommands: Handlers<'flow-list' | 'metrics'> = {
  'flow-list'(irm, { message, from }) {
    const page = pageOf(irm.flows.values(), message.after ?? 0, (flow) => flowRow(flow));
    const remote = new Map<IpcpEntry, number[]>();
    for (const { flow } of page.rows) {
      const ipcp = carrierOf(irm.flows.get(flow));
      if (ipcp !== null) remote.set(ipcp, [...(remote.get(ipcp) ?? []), flow]);
    }
    const asked = [...remote].map(([ipcp, flows]) => [ipcp, { t: 'ipcp-flows', flows }] as const);
    gather(irm, asked, (answers) => {
      const views = new Map<number, FlowReport>();
      for (const answer of answers.values()) {
        for (const view of parseFlowReports(answer)) views.set(view.flow, view);
      }
      const rows = page.rows.map((row) => ({ ...row, ...viewOf(views.get(row.flow)) }));
      irm.reply(from, { rows, next: page.next });
    });
  },

  metrics(irm, { from }) {
    const running = [...irm.ipcps.values()].filter((ipcp) => ipcp.state === 'operational');
    const asked = running.map((ipcp) => [ipcp, { t: 'ipcp-metrics' }] as const);
    gather(irm, asked, (answers) => {
      const { counters, ...counts } = statusOf(irm);
      const ipcps = [...answers].flatMap(([ipcp, answer]): MetricsReport['ipcps'] => {
        const groups: CounterGroups | null = parseCounterGroups(answer);
        if (groups === null) return [];
        return [{ ipcp: ipcp.name, layer: ipcp.layer ?? '', type: ipcp.type, counters: groups }];
      });
      const report: MetricsReport = { irmd: { ...counts, ...counters }, ipcps };
      irm.reply(from, report);
    });
  },
};

function gather(
  irm: IrmState,
  asked: readonly (readonly [IpcpEntry, ReportMessage])[],
  done: Gathering['done'],
): void {
  const reachable = asked.filter(([ipcp]) => ipcp.process !== null);
  const gathering: Gathering = { open: reachable.length, answers: new Map(), done };
  for (const [ipcp, message] of reachable) {
    sendErrand(irm, ipcp, message, { type: 'report', gathering }, REPORT_MS);
  }
  if (reachable.length === 0) done(gathering.answers);
}

/** The IPCP that carries an allocated flow to another host. */
function carrierOf(flow: FlowEntry | undefined): IpcpEntry | null {
  if (flow === undefined || flow.path === 'direct') return null;
  return (flow.path === 'in' ? flow.client.ipcp : flow.server?.ipcp) ?? null;
}

function viewOf(view: FlowReport | undefined): Readonly<Record<string, unknown>> {
  if (view === undefined) return { peer: null, rttMs: null, loss: null, heardMs: null };
  const { peer, rttMs, loss, heardMs } = view;
  return { peer, rttMs, loss, heardMs };
}

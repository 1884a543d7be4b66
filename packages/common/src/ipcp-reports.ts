import type { CounterGroups } from './metrics.ts';

/** What an IPCP tells of a flow it carries. */
export interface FlowReport {
  readonly flow: number;
  /** The IPCP at the other end, in the words of the layer. */
  readonly peer: string;
  /** Smoothed round trip between the two IPCPs, ms; `null`: not measured. */
  readonly rttMs: number | null;
  /** Share of the peer's packets that did not arrive, 0 to 1; `null`: not measured. */
  readonly loss: number | null;
  /** Since anything of the peer was heard, ms. */
  readonly heardMs: number;
}

/** Groups, and counters of a group, in one report. */
const GROUPS_MAX = 32;
const COUNTERS_MAX = 64;

/** The reports in what an IPCP answered; what is none is left out. Total. */
export function parseFlowReports(value: unknown): readonly FlowReport[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: unknown): FlowReport[] => {
    if (typeof one !== 'object' || one === null) return [];
    const { flow, peer, rttMs, loss, heardMs } = one as Readonly<Record<string, unknown>>;
    if (typeof flow !== 'number' || typeof peer !== 'string' || peer.length > 255) return [];
    if (!isAmount(heardMs)) return [];
    return [
      { flow, peer, rttMs: isAmount(rttMs) ? rttMs : null, loss: isAmount(loss) ? loss : null, heardMs },
    ];
  });
}

/** The counters in what an IPCP answered, `null` when it is no such thing. Total. */
export function parseCounterGroups(value: unknown): CounterGroups | null {
  if (typeof value !== 'object' || value === null) return null;
  const groups = Object.entries(value).slice(0, GROUPS_MAX);
  return Object.fromEntries(groups.map(([group, counters]) => [group, parseCounters(counters)]));
}

function parseCounters(value: unknown): Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, COUNTERS_MAX)
      .filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}

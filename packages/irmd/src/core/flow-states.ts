/**
 * States of a flow endpoint at the IRMd and what moves it. An endpoint has two halves: the client's (who asked)
 * and the server's (who answers); either may be an IPCP. docs/spec/irmd-states.md explains each.
 */
export const FLOW_TRANSITIONS = {
  waiting: {
    matched: 'connecting',
    refused: 'freed',
    cancelled: 'freed',
    timedOut: 'freed',
    clientDied: 'freed',
  },
  connecting: {
    offered: 'deciding',
    requested: 'requested',
    confirmed: 'allocated',
    refused: 'freed',
    cancelled: 'freed',
    timedOut: 'freed',
    clientDied: 'freed',
    serverDied: 'waiting',
  },
  deciding: {
    confirmed: 'allocated',
    refused: 'freed',
    cancelled: 'freed',
    timedOut: 'freed',
    clientDied: 'freed',
    serverDied: 'freed',
  },
  requested: {
    confirmed: 'allocated',
    refused: 'freed',
    cancelled: 'client-left',
    timedOut: 'client-left',
    clientDied: 'client-left',
    serverDied: 'freed',
  },
  allocated: {
    cancelled: 'client-left',
    clientDeallocated: 'client-left',
    serverDeallocated: 'server-left',
    clientDied: 'client-left',
    serverDied: 'server-left',
  },
  'client-left': {
    clientOpened: 'allocated',
    serverDeallocated: 'freed',
    serverDied: 'freed',
    refused: 'freed',
  },
  'server-left': {
    serverOpened: 'allocated',
    cancelled: 'freed',
    clientDeallocated: 'freed',
    clientDied: 'freed',
  },
  freed: {},
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type FlowState = keyof typeof FLOW_TRANSITIONS;

type EventsOf<S extends FlowState> = keyof (typeof FLOW_TRANSITIONS)[S];
export type FlowEvent = { [S in FlowState]: EventsOf<S> }[FlowState];

const TABLE: Readonly<Record<FlowState, Partial<Record<FlowEvent, FlowState>>>> = FLOW_TRANSITIONS;

/** The state after an event, or `null` for a pair that is not in the table. */
export function nextFlowState(state: FlowState, event: FlowEvent): FlowState | null {
  return TABLE[state][event] ?? null;
}

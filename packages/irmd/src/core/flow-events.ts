import type { FlowEvent } from './flow-states.ts';
import { nextFlowState } from './flow-states.ts';
import type { IrmState } from './irm-state.ts';
import type { FlowEntry } from './registry/flow.ts';

/**
 * Moves an endpoint; one that is free has left the registry on return. False, counted, and nothing changed when
 * the table does not list the pair.
 */
export function moveFlow(irm: IrmState, flow: FlowEntry, event: FlowEvent): boolean {
  const next = nextFlowState(flow.state, event);
  if (next === null) {
    irm.counters.unlistedTransitions += 1;
    return false;
  }
  flow.state = next;
  if (next === 'freed') {
    irm.flows.delete(flow);
  }
  return true;
}

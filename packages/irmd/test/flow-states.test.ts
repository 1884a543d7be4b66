import { describe, expect, test } from '@jest/globals';
import type { FlowEvent, FlowState } from '../src/core/flow-states.ts';
import { FLOW_TRANSITIONS, nextFlowState } from '../src/core/flow-states.ts';

describe('the state table of a flow endpoint', () => {
  test('is the one that docs/spec/irmd-states.md explains', () => {
    expect(FLOW_TRANSITIONS).toMatchSnapshot();
  });

  test('leads from every state to freed when both processes die', () => {
    for (const state of Object.keys(FLOW_TRANSITIONS) as FlowState[]) {
      let now: FlowState = state;
      for (const event of ['serverDied', 'clientDied', 'serverDied'] as const) {
        now = nextFlowState(now, event) ?? now;
      }
      expect([state, now]).toEqual([state, 'freed']);
    }
  });

  test('gives null for a pair it does not list', () => {
    expect(nextFlowState('freed', 'clientDied')).toBeNull();
    expect(nextFlowState('allocated', 'confirmed')).toBeNull();
    expect(nextFlowState('waiting', 'nonsense' as FlowEvent)).toBeNull();
  });
});

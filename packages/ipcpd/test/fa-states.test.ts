import { describe, expect, test } from '@jest/globals';
import type { FaEvent, FaState } from '../src/core/fa-states.ts';
import { FA_TRANSITIONS, nextFaState } from '../src/core/fa-states.ts';

describe('the states of a flow at its allocator', () => {
  test('are those of the table', () => {
    expect(FA_TRANSITIONS).toMatchInlineSnapshot(`
     {
       "allocated": {
         "localEnd": "finished",
         "peerEnd": "ended",
         "peerGone": "ended",
         "release": "closed",
       },
       "closed": {},
       "ended": {
         "localEnd": "finished",
         "release": "closed",
       },
       "finished": {
         "release": "closed",
       },
       "idle": {
         "acceptTooLate": "ended",
         "offer": "offered",
         "request": "requesting",
       },
       "offered": {
         "accept": "unconfirmed",
         "cancelled": "closed",
         "refuse": "closed",
         "timeout": "closed",
       },
       "requesting": {
         "answerAccepted": "allocated",
         "answerRefused": "closed",
         "localEnd": "closed",
         "release": "closed",
         "timeout": "closed",
       },
       "unconfirmed": {
         "heard": "allocated",
         "localEnd": "finished",
         "peerEnd": "ended",
         "peerGone": "ended",
         "release": "closed",
         "timeout": "ended",
       },
     }
    `);
  });

  test('lead only to states that exist', () => {
    const states = Object.keys(FA_TRANSITIONS);
    for (const row of Object.values(FA_TRANSITIONS)) {
      for (const next of Object.values(row)) expect(states).toContain(next);
    }
  });

  test('all end in closed when the owner leaves', () => {
    for (const start of Object.keys(FA_TRANSITIONS) as FaState[]) {
      if (start === 'idle' || start === 'offered' || start === 'closed') continue;
      expect(nextFaState(start, 'release')).toBe('closed');
    }
  });

  test('ignore an event that is not listed', () => {
    expect(nextFaState('closed', 'release')).toBeNull();
    expect(nextFaState('ended', 'peerEnd' satisfies FaEvent)).toBeNull();
  });
});

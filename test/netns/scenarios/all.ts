import { ALLOCATION } from './allocation.ts';
import { ENDS } from './ends.ts';
import { HOSTILE } from './hostile.ts';
import { IDLE } from './idle.ts';
import type { Scenario } from './scenario.ts';
import { TRANSFER } from './transfer.ts';
import { WAITING } from './waiting.ts';

/** Rows of the tables of faults that two hosts with a relay between them can show. */
export const SCENARIOS: readonly Scenario[] = [
  ...ALLOCATION,
  ...TRANSFER,
  ...WAITING,
  ...ENDS,
  ...HOSTILE,
  ...IDLE,
];

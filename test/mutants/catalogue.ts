import { ACKNOWLEDGING } from './catalogue/acknowledging.ts';
import { DELIVERING } from './catalogue/delivering.ts';
import { ENDING } from './catalogue/ending.ts';
import { MOVING } from './catalogue/moving.ts';
import { REPAIRING } from './catalogue/repairing.ts';
import { RUNS } from './catalogue/runs.ts';
import { WINDOWS } from './catalogue/windows.ts';
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  ...RUNS,
  ...ACKNOWLEDGING,
  ...WINDOWS,
  ...REPAIRING,
  ...DELIVERING,
  ...ENDING,
  ...MOVING,
];

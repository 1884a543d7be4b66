import type { InvariantName } from '../sim/violation.ts';
import type { ProfileName } from '../sim/run-seed.ts';

/** A change of the source: `find` occurs exactly once in the file. */
export interface Patch {
  /** Below `packages/frcp/src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A fault seeded into the machine, which the simulator must find. */
export interface Mutant {
  readonly name: string;
  /** What the fault is, in a line. */
  readonly breaks: string;
  /** The requirement of docs/spec/frcp.md that it breaks. */
  readonly requirement: `R-FRCP-${number}`;
  /** The measured failure (C1 to C11) or the divergence of the C prototype (W1 to W15) that it is. */
  readonly like?: string;
  /** What may find it; another invariant is an accident, which the report shows. */
  readonly caughtBy: readonly InvariantName[];
  /** Profiles whose seeds are tried in turn; default `small`. */
  readonly profiles?: readonly ProfileName[];
  readonly patches: readonly Patch[];
}

/** The numbers of the invariants: I1 to I40 of the reliability anchors. */
export type InvariantName = `I${number}`;

/** What a checker found. */
export interface Violation {
  readonly invariant: InvariantName;
  readonly message: string;
  /** True time. */
  readonly atUs: number;
}

/** Ends the run of a seed. */
export class InvariantViolated extends Error {
  readonly invariant: InvariantName;

  constructor(invariant: InvariantName, message: string) {
    super(message);
    this.invariant = invariant;
  }
}

export function violated(invariant: InvariantName, message: string): never {
  throw new InvariantViolated(invariant, message);
}

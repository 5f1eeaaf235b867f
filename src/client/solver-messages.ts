// What the solver and its threads say to each other (docs/proof-of-work.md, "Solving").

/** One challenge for one thread, which tries `firstAttempt`, `firstAttempt + stride`, and so on. */
export interface SolverJob {
  readonly job: number;
  readonly seed: Uint8Array;
  readonly effort256: number;
  readonly firstAttempt: number;
  readonly stride: number;
  /** Two i32 that all threads of the job share: `stopSlot` and `attemptsSlot`. */
  readonly shared: Int32Array;
}

/** Records of the wire form that passed the filter. */
export interface SolverFind {
  readonly job: number;
  readonly records: readonly Uint8Array[];
}

/** Not zero means stop. */
export const stopSlot = 0;
/** Attempts made by all threads together. */
export const attemptsSlot = 1;

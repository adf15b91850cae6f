/** One measurement from a file: a variant that runs without a pause on a component at an operating point. */
export interface ImportedProfile {
  readonly family: string;
  readonly variant: string;
  /** Share of right answers, 0 to 1. */
  readonly accuracy: number;
  readonly operatingPoint: string;
  /** Of one inference. */
  readonly latencyMs: number;
  /** Of the whole device while it runs, idle included. */
  readonly powerW: number;
  readonly component: string;
  /** Of the whole device at this operating point while nothing runs; null where the file does not say. */
  readonly idleW: number | null;
}

/** What a device or a tenant is said to cost, instead of being measured here. */
export interface ImportedTable {
  /** Name of the file. */
  readonly file: string;
  readonly profiles: readonly ImportedProfile[];
}

import { z } from 'zod';
import { sourceSchema, timeSchema, type Source } from './quantities';

/** A part of a model: the nodes that compute, from one up to, but without, another; null: up to the end. */
export const stageSpanSchema = z.object({
  firstNode: z.number().int().nonnegative(),
  endNode: z.number().int().positive().nullable(),
});
export type StageSpan = z.infer<typeof stageSpanSchema>;

/** What one variant, or one stage of it, costs alone on one class of component. Measured once per model hash and device. */
export const profileSchema = z.object({
  modelSha256: z.string(),
  componentClass: z.string(),
  deviceFingerprint: z.string(),
  /** Absent: the whole variant. */
  stage: stageSpanSchema.optional(),
  /** Shape of the model's first input that it was measured with; null: as the model declares it; absent: not noted. */
  dims: z.array(z.number().int().positive()).nullable().optional(),
  /**
   * What was in force, with the speed of the clocks relative to full speed: quotas and pauses do not reach a measurement, so all
   * points with the same clocks share a profile. Absent: full speed.
   */
  operatingPoint: z.object({ name: z.string(), clockSpeed: z.number().positive().max(1) }).optional(),
  /** Wall time of one inference, ms. p90 needs 10 runs, p99 needs 100: absent with fewer. */
  latencyMs: z.object({
    p50: z.number().positive(),
    p95: z.number().positive(),
    p90: z.number().positive().optional(),
    p99: z.number().positive().optional(),
  }),
  /** CPU time of one inference over all threads, ms: what a quota is charged for. */
  cpuMs: z.number().nonnegative(),
  /** Time to create the session, ms. */
  loadMs: z.number().nonnegative(),
  /** Growth of the host's resident memory when the model was loaded, bytes; null when unknown. */
  memoryBytes: z.number().nullable(),
  runs: z.number().int().positive(),
  /** True where the rare latencies were waited for, see {@link ProfileRequest}; absent: false. */
  thorough: z.boolean().optional(),
  /** Why the measurement ended: the median had become stable, or its time or number of runs was spent. */
  ended: z.enum(['stable', 'out-of-time']).optional(),
  /** True when something else competed for the cores (wall time well above CPU time): the latencies are then too high. */
  contended: z.boolean().default(false),
  /** Above idle, of one inference, J, as a sensor has it; absent or null where there is none. */
  energy: z.object({ perInferenceJ: z.number().positive(), source: sourceSchema }).nullable().optional(),
  /**
   * What a small model of our own took there and then, ms: tells whether the device has changed its speed since. Absent or null
   * where that was not measured.
   */
  anchorLatencyMs: z.number().positive().nullable().optional(),
  /** True when the device changed its speed meanwhile (heat): to be measured again. */
  suspect: z.boolean().optional(),
  /** Name of the file that says so; absent: measured here. */
  imported: z.string().optional(),
  measuredAt: timeSchema,
});
export type Profile = z.infer<typeof profileSchema>;

/** Clock speed that a profile was measured at, relative to full speed. */
export function clockSpeedOf({ operatingPoint }: Pick<Profile, 'operatingPoint'>): number {
  return operatingPoint?.clockSpeed ?? 1;
}

/** Whether profiles at two clock speeds are of the same state. */
export const isSameClock = (one: number, other: number): boolean => Math.abs(one - other) <= 0.02;

/** Joules of the device since the last call; null where they are not known. A reader of a device's meter is one. */
export interface EnergyReader {
  readEnergy(): { readonly totalJ: number | null; readonly idleJ: number | null; readonly source: Source };
}

export interface ProfileRequest {
  readonly path: string;
  readonly sha256: string | null;
  readonly component: import('./device').Component;
  readonly deviceFingerprint: string;
  readonly dims: readonly number[] | null;
  /** Absent: the whole variant. */
  readonly stage?: StageSpan;
  /** Shapes of inputs by name, which go before `dims`: a stage is also fed what others have computed. */
  readonly inputDims?: Readonly<Record<string, readonly number[]>>;
  /** Noted in the profile; absent: full speed. */
  readonly operatingPoint?: { readonly name: string; readonly clockSpeed: number };
  /** More runs, so that rare latencies are seen too, and the anchor: takes up to three seconds instead of one. */
  readonly thorough?: boolean;
  /** Reads the energy of a second of runs without a pause, unless its joules are modelled: they would tell nothing new. */
  readonly meter?: EnergyReader;
  /** Ends the measurement under way. */
  readonly signal?: AbortSignal;
}

/** Measures models in a child process. Implemented in src/inference, used by the planner. */
export interface ProfileRunner {
  /**
   * Runs the model alone on the component (zeros or random input of its declared shape) until stable or out of time.
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, RUNTIME_UNAVAILABLE, HOST_CRASHED; the reason of the
   * signal
   */
  measure(request: ProfileRequest): Promise<Profile>;
  /**
   * Milliseconds that a small model of our own takes on the component, the fastest of many runs: what the device's speed is
   * judged by. @throws EcomapError RUNTIME_UNAVAILABLE, HOST_CRASHED
   */
  anchorLatencyMs(component: import('./device').Component, signal?: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

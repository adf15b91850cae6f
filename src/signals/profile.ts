import { z } from 'zod';
import { timeSchema } from './quantities';

/** What one variant costs, alone, on one class of component at full speed. Measured once per model hash and device. */
export const profileSchema = z.object({
  modelSha256: z.string(),
  componentClass: z.string(),
  deviceFingerprint: z.string(),
  /** Wall time of one inference, ms. */
  latencyMs: z.object({ p50: z.number().positive(), p95: z.number().positive() }),
  /** CPU time of one inference over all threads, ms: what a quota is charged for. */
  cpuMs: z.number().nonnegative(),
  /** Time to create the session, ms. */
  loadMs: z.number().nonnegative(),
  /** Growth of the host's resident memory when the model was loaded, bytes; null when unknown. */
  memoryBytes: z.number().nullable(),
  runs: z.number().int().positive(),
  /** True when something else competed for the cores (wall time well above CPU time): the latencies are then too high. */
  contended: z.boolean().default(false),
  measuredAt: timeSchema,
});
export type Profile = z.infer<typeof profileSchema>;

/** Measures models in a child process. Implemented in src/inference, used by the planner. */
export interface ProfileRunner {
  /**
   * Runs the model alone on the component (zeros or random input of its declared shape) until stable or out of time.
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, RUNTIME_UNAVAILABLE, HOST_CRASHED
   */
  measure(request: {
    readonly path: string;
    readonly sha256: string | null;
    readonly component: import('./device').Component;
    readonly deviceFingerprint: string;
    readonly dims: readonly number[] | null;
  }): Promise<Profile>;
  close(): Promise<void>;
}

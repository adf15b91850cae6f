import { z } from 'zod';

export interface InferenceRequest {
  readonly tenant: string;
  /** As it came in `msg.payload`; turned into tensors at the executor's door. */
  readonly payload: unknown;
  /** Latest useful time of the answer, ms since the epoch; default: arrival + the tenant's latency limit is the SLO, without refusal. */
  readonly deadlineMs?: number;
  /** Overrides the tenant's priority; 1 is the highest. */
  readonly priority?: number;
  /** Takes the request back: it ends with CANCELLED, and does not run if it has not begun. */
  readonly signal?: AbortSignal;
}

/** `msg.ecomap` of a result: what this one inference was and cost. */
export const inferenceAccountSchema = z.object({
  tenant: z.string(),
  variant: z.string(),
  components: z.array(z.string()),
  deadlineMet: z.boolean(),
  queueMs: z.number(),
  runMs: z.number(),
  latencyMs: z.number(),
  /** Energy above idle; null when unknown. */
  energyJ: z.number().nullable(),
  energyMethod: z.string(),
  carbonG: z.number().nullable(),
  /** True when a lighter variant than the most accurate one answered. */
  degraded: z.boolean(),
  why: z.array(z.string()),
  /** True when the input held NaN or infinity. */
  nonFiniteInput: z.boolean(),
  /** Requests that were computed together, this one included. */
  batchSize: z.number().int().positive(),
});
export type InferenceAccount = z.infer<typeof inferenceAccountSchema>;

export interface InferenceResult {
  /** In the form the tenant declares: named tensors, {label, index, score, scores} or {value, unit}. */
  readonly payload: unknown;
  readonly account: InferenceAccount;
}

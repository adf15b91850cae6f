import { z } from 'zod';
import { intervalSchema } from './quantities';
import { qualitySchema } from './quality';

export const violationSchema = z.object({
  tenant: z.string(),
  variant: z.string(),
  /** `latency`: too slow; `load`: more requests than the component can serve; `power`: the device breaks the cap. */
  constraint: z.enum(['latency', 'load', 'power']),
  origin: z.enum(['predicted', 'observed']),
  /** Latency upper bound (or observed p95), ms, busy fraction, or watts, by constraint. */
  value: z.number(),
  limit: z.number(),
});
export type Violation = z.infer<typeof violationSchema>;

/** What the plan would look like if this one tenant ran another variant (all others as they are, remapped). */
export const alternativeSchema = z.object({
  tenant: z.string(),
  variant: z.string(),
  accuracy: z.number(),
  latencyMs: intervalSchema.nullable(),
  powerW: intervalSchema,
  /** True when the cap and every tenant's limit would hold. */
  feasible: z.boolean(),
  /** Sum over all broken constraints of value/limit - 1; 0 when feasible. */
  excess: z.number().nonnegative(),
  /** The constraint that it would break most; absent when it breaks none. */
  broken: violationSchema.optional(),
  /** Where it breaks none: of the limits that the swap brings nearer, the one it comes nearest to; absent where there is none. */
  nearest: violationSchema.optional(),
});
export type Alternative = z.infer<typeof alternativeSchema>;

/**
 * `ecomap/violated`: what the planner could not hold with the variants it was allowed, and what each swap would change.
 * Sent after each planning round; `violations` is empty when everything holds (the selector uses that to step back up).
 */
export const violatedSchema = z.object({
  planId: z.string(),
  capW: z.number().nullable(),
  violations: z.array(violationSchema),
  /** Sum over all broken constraints of value/limit - 1 with the variants as they are. */
  excess: z.number().nonnegative(),
  /** The variant each tenant runs in that plan. */
  current: z.record(z.string(), z.string()),
  alternatives: z.array(alternativeSchema),
  /** Mean power that is expected of that plan, W: what the power of an alternative compares with. */
  expectedW: z.number().nonnegative().optional(),
  /** Requests per second of each tenant that were reckoned with. */
  ratePerS: z.record(z.string(), z.number().nonnegative()).optional(),
  /** From the cap, where its policy lets accuracy vary. */
  quality: qualitySchema.optional(),
});
export type Violated = z.infer<typeof violatedSchema>;

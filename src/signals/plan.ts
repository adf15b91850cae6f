import { z } from 'zod';
import { operatingPointSchema } from './device';
import { intervalSchema, sourceSchema, timeSchema } from './quantities';
import { rejectedSchema } from './rejected';

export const planStageSchema = z.object({
  /** 0 for the first stage. A variant that is not cut runs as one stage. */
  stage: z.number().int().nonnegative(),
  component: z.string(),
  /** Where the variant is cut: the number of the node, among those that compute, with which this stage begins. */
  firstNode: z.number().int().nonnegative().default(0),
});

export const planTenantSchema = z.object({
  tenant: z.string(),
  variant: z.string(),
  accuracy: z.number(),
  stages: z.array(planStageSchema).min(1),
  /** End-to-end latency of one request, queueing included, ms. Null where no profile is known yet. */
  latencyMs: intervalSchema.nullable(),
  latencyLimitMs: z.number(),
  meetsLimit: z.boolean(),
  /** Energy above idle of one inference of the chosen variant, J; null when not profiled. */
  energyJ: z.number().nullable(),
  /** What one inference of the most accurate variant would cost at full speed: the ledger's always-max counterfactual. */
  alwaysMax: z.object({ variant: z.string(), accuracy: z.number(), energyJ: z.number().nullable() }),
});
export type PlanTenant = z.infer<typeof planTenantSchema>;

/** What set a plan off that differs from the one before it. */
export const planChangeSchema = z.object({
  /**
   * `start`: the first plan; `cap`: another cap or operating point; `limit`: a limit would break; `observed`: a limit was broken;
   * `room`: a heavier variant fits again; `price`: what accuracy is worth today; `load`: other arrival rates; `gain`: a better place
   * was found; `measured`: plans were tried; `known`: something else is known of the costs.
   */
  cause: z.enum(['start', 'cap', 'limit', 'observed', 'room', 'price', 'load', 'gain', 'measured', 'known']),
  /** In words a plant engineer understands. */
  text: z.string().min(1),
});
export type PlanChange = z.infer<typeof planChangeSchema>;

/** `ecomap/plan`: a mapping, a variant per tenant and an operating point, with what they are predicted to cost. */
export const planSchema = z.object({
  planId: z.string(),
  createdAt: timeSchema,
  tenants: z.array(planTenantSchema),
  operatingPoint: operatingPointSchema,
  capW: z.number().nullable(),
  powerW: intervalSchema,
  powerSource: sourceSchema,
  /** True when the upper bounds keep the cap and every latency limit. */
  feasible: z.boolean(),
  /** In words a plant engineer understands. */
  why: z.array(z.string()),
  /** Absent where it does the same as the plan before it. The text is among those of `why`, too. */
  change: planChangeSchema.optional(),
  /** For tenants that run less than their best: the next better variant, and the limit that rules it out. At most a handful. */
  rejected: z.array(rejectedSchema).optional(),
  search: z.object({
    estimator: z.string(),
    candidates: z.number(),
    evaluated: z.number(),
    elapsedMs: z.number(),
  }),
});
export type Plan = z.infer<typeof planSchema>;

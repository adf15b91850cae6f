import { z } from 'zod';
import { capSchema } from '../../signals/cap';
import { componentSchema, operatingPointSchema } from '../../signals/device';

/** What one round of planning is asked: everything that it depends on, so that any process can answer it. */

const stageCostSchema = z.object({
  p50Ms: z.number(),
  p95Ms: z.number(),
  cpuMs: z.number(),
  measured: z.object({ energyJ: z.number(), clockSpeed: z.number() }).optional(),
});
const operationsSchema = z.object({ gigaflop: z.number(), gigabytes: z.number(), transferS: z.number() });
const sensitivitySchema = z.object({ besideMemory: z.number(), besideItself: z.number(), caused: z.number() });

const byComponent = z.array(stageCostSchema.nullable()).readonly();

/** `VariantWork` of the estimators. */
const workSchema = z.object({
  costs: z.array(byComponent).readonly(),
  operations: z.array(operationsSchema).readonly().optional(),
  firstNodes: z.array(z.number().int().nonnegative()).readonly().optional(),
  whole: z.object({ costs: byComponent, operations: operationsSchema.optional() }).optional(),
  sensitivity: z.array(sensitivitySchema.nullable()).readonly().optional(),
});

const variantSchema = z.object({ name: z.string(), accuracy: z.number(), work: workSchema });

const tenantSchema = z.object({
  name: z.string(),
  latencyLimitMs: z.number().positive(),
  priority: z.number(),
  /** Requests per second. */
  ratePerS: z.number().nonnegative(),
  /** What it may run, most accurate first. */
  variants: z.array(variantSchema).min(1),
  /** Index of the variant chosen for it. */
  chosen: z.number().int().nonnegative(),
  /** Why that one was chosen. */
  because: z.array(z.string()),
  /** The best it has, at full speed: what the ledger compares with. */
  mostAccurate: z.object({ name: z.string(), accuracy: z.number(), energyJ: z.number().nullable() }),
});

export const planningQuestionSchema = z.object({
  planId: z.string(),
  createdAt: z.string(),
  components: z.array(componentSchema).min(1),
  operatingPoint: operatingPointSchema,
  /** Points that may be asked for besides the one in force. */
  otherPoints: z.array(operatingPointSchema),
  cap: capSchema.nullable(),
  tenants: z.array(tenantSchema),
  /** Component of each stage by tenant, as it is now; null where that does not fit these tenants and components. */
  inForce: z.array(z.array(z.number().int().nonnegative()).min(1)).nullable(),
  /** Sentences for `plan.why` that are known beforehand. */
  remarks: z.array(z.string()),
});
export type PlanningQuestion = z.infer<typeof planningQuestionSchema>;
export type QuestionTenant = PlanningQuestion['tenants'][number];

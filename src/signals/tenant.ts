import { z } from 'zod';
import { imageDeclarationSchema } from './image';
import { tensorTypes } from './tensor';

/** One ONNX file of a model family: lighter variants answer faster and are right less often. */
export const variantSchema = z.object({
  name: z.string().min(1),
  /** Path of the ONNX file; resolved to an absolute path at the door. */
  path: z.string().min(1),
  /** Share of right answers on held-out data, 0..1. */
  accuracy: z.number().min(0).max(1),
  /** Hex SHA-256 of the file; null means "not pinned". */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/i)
    .nullable()
    .default(null),
});
export type Variant = z.infer<typeof variantSchema>;

/** How `msg.payload` becomes the input tensor. */
export const inputDeclarationSchema = z.object({
  name: z.string().min(1).nullable().default(null),
  /** Null takes the element type from the model; anything else has to be the model's. */
  type: z.enum(tensorTypes).nullable().default(null),
  /** Shape with the batch dimension, e.g. [1, 1, 96, 96]; null takes the shape from the model. */
  dims: z.array(z.number().int().positive()).nullable().default(null),
  /** Null where the tenant takes no images. */
  image: imageDeclarationSchema.nullable().default(null),
});

/** How the output tensor becomes `msg.payload`. */
export const outputDeclarationSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tensors') }),
  z.object({ kind: z.literal('label'), name: z.string().nullable().default(null), labels: z.array(z.string()).min(1) }),
  z.object({
    kind: z.literal('value'),
    name: z.string().nullable().default(null),
    unit: z.string().default(''),
    tolerance: z.number().positive().nullable().default(null),
  }),
]);

/** What the user decides about a tenant's variants: let the loop choose, hold one, or leave the heaviest in place. */
export const overrideSchema = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('auto') }),
  z.object({ mode: z.literal('pin'), variant: z.string() }),
  z.object({ mode: z.literal('off') }),
]);

/** What is done with a request that finds its queue full, or cannot be answered in time. */
export const overloadAnswerSchema = z.enum(['reject', 'wait', 'downgrade']);

/** How the requests of a tenant are served. */
export const servingSchema = z.object({
  /** Requests that may wait; null leaves it to the executor. */
  queueLength: z.number().int().positive().nullable().default(null),
  /** Share of a component's time among tenants of the same priority: twice the weight, twice the time. */
  weight: z.number().positive().default(1),
  /** `wait` lets it wait outside of the queue, `downgrade` has a lighter variant answer. */
  whenFull: overloadAnswerSchema.default('reject'),
  /** For requests with a deadline: `wait` answers late, after those that can still be in time. */
  whenLate: overloadAnswerSchema.default('reject'),
  /** Who has to go where a full queue rejects: the one that comes, or the one that has waited longest. */
  drop: z.enum(['newest', 'oldest']).default('newest'),
  /** Requests computed together where the model leaves its batch dimension open; 1 is "one by one". */
  largestBatch: z.number().int().min(1).max(256).default(1),
  /** How long a request may wait for others to join its batch, ms. */
  batchDelayMs: z.number().min(0).max(60_000).default(0),
});
export type Serving = z.infer<typeof servingSchema>;

/** Nobody knows the grid further ahead, h. */
export const mostDeferralH = 168;

/** One network service. */
export const tenantSchema = z.object({
  name: z.string().min(1),
  family: z.string().min(1),
  /** Most accurate first. */
  variants: z.array(variantSchema).min(1),
  /** Latency limit (SLO), ms, from arrival to answer. */
  latencyLimitMs: z.number().positive(),
  /** 1 is the highest priority. */
  priority: z.number().int().min(1).default(1),
  /** Variants below this accuracy are never chosen. */
  leastAccuracy: z.number().min(0).max(1).default(0),
  /** Expected requests per second: what the planner reckons with until telemetry knows better. */
  arrivalRatePerS: z.number().nonnegative().default(1),
  input: inputDeclarationSchema,
  output: outputDeclarationSchema,
  /** What happens to an input that holds NaN or infinity: passed on and flagged in the account, or refused with INPUT_MISMATCH. */
  nonFiniteInput: z.enum(['refuse', 'pass']).default('pass'),
  serving: servingSchema.default(servingSchema.parse({})),
  /** Hours that its requests may wait for a cleaner grid; null: they do not wait. */
  deferrableUntilH: z.number().positive().max(mostDeferralH).nullable().default(null),
  override: overrideSchema.default({ mode: 'auto' }),
});
export type Tenant = z.infer<typeof tenantSchema>;

/** The variants the loop may choose for a tenant, most accurate first, after its override and its least accuracy. */
export function eligibleVariants(tenant: Tenant): Variant[] {
  const byAccuracy = [...tenant.variants].sort((a, b) => b.accuracy - a.accuracy);
  const override = tenant.override;
  if (override.mode === 'pin') return byAccuracy.filter((variant) => variant.name === override.variant);
  if (override.mode === 'off') return byAccuracy.slice(0, 1);
  const allowed = byAccuracy.filter((variant) => variant.accuracy >= tenant.leastAccuracy);
  return allowed.length > 0 ? allowed : byAccuracy.slice(0, 1);
}

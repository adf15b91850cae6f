import { z } from 'zod';

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
  type: z.enum(['float32']).default('float32'),
  /** Shape with the batch dimension, e.g. [1, 1, 96, 96]; null takes the shape from the model. */
  dims: z.array(z.number().int().positive()).nullable().default(null),
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
  /** What happens to an input that holds NaN or infinity: refused with INPUT_MISMATCH, or passed on and flagged in the account. */
  nonFiniteInput: z.enum(['refuse', 'pass']).default('refuse'),
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

import { z } from 'zod';

export const variantChoiceSchema = z.object({
  tenant: z.string(),
  /** What the planner may use, most accurate first. */
  allowed: z.array(z.string()).min(1),
  chosen: z.string(),
  /** Accuracy given up against the most accurate variant, 0..1. */
  accuracyCost: z.number(),
  why: z.array(z.string()),
});
export type VariantChoice = z.infer<typeof variantChoiceSchema>;

/** Why a tenant does not run a variant that somebody might ask about. */
export const rejectedSchema = z.object({
  tenant: z.string(),
  variant: z.string(),
  /**
   * What ruled it out: a limit that would break (`latency`, `load`, `power`), the least accuracy of the tenant (`accuracy`), what
   * accuracy is worth today (`price`), that it has not fitted for long enough yet (`wait`), or that it was not measured.
   */
  constraint: z.enum(['latency', 'load', 'power', 'accuracy', 'price', 'wait', 'unmeasured']),
  /** In the unit of the constraint: ms, busy share, W, accuracy 0..1, grams per percentage point and request, s; null where unknown. */
  value: z.number().nullable(),
  limit: z.number().nullable(),
  text: z.string(),
});
export type Rejected = z.infer<typeof rejectedSchema>;

/** What a point of accuracy is worth at the moment, under the cap policy `quality`. */
export const accuracyPriceSchema = z.object({
  /** Grams CO2eq per percentage point and request; null when nothing more may be given up today. */
  gPerPoint: z.number().nonnegative().nullable(),
  /** Percentage points that the answers of the day so far have lost in the mean, and the most allowed. */
  lostPt: z.number(),
  allowancePt: z.number(),
  intensityGPerKwh: z.number().nonnegative(),
});
export type AccuracyPriceNow = z.infer<typeof accuracyPriceSchema>;

/** `ecomap/variants`: which variant each tenant runs. */
export const variantsSchema = z.object({
  choices: z.array(variantChoiceSchema),
  /** In words: what changed and why. */
  reason: z.string(),
  /** At most a handful. */
  rejected: z.array(rejectedSchema).optional(),
  price: accuracyPriceSchema.optional(),
});
export type Variants = z.infer<typeof variantsSchema>;

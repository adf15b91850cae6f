import { z } from 'zod';
import { rejectedSchema } from './rejected';

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
  /** The kind of reason: a limit would break, or was broken; there is room again; what accuracy is worth. */
  cause: z.enum(['limit', 'observed', 'room', 'price']).optional(),
  /** At most a handful. */
  rejected: z.array(rejectedSchema).optional(),
  price: accuracyPriceSchema.optional(),
});
export type Variants = z.infer<typeof variantsSchema>;

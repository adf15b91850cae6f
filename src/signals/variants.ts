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

/** `ecomap/variants`: which variant each tenant runs. */
export const variantsSchema = z.object({
  choices: z.array(variantChoiceSchema),
  /** In words: what changed and why. */
  reason: z.string(),
});
export type Variants = z.infer<typeof variantsSchema>;

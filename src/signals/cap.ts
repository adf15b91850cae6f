import { z } from 'zod';
import { carbonReadingSchema } from './carbon';
import { enforcementSchema, operatingPointSchema } from './device';
import { powerReadingSchema } from './quantities';

/** `ecomap/cap`: the most the device may draw, and what was done about it. */
export const capSchema = z.object({
  /** Watts, mean over the control period. */
  capW: z.number().positive(),
  policy: z.string(),
  /** In words: why this cap. */
  reason: z.string(),
  /** In force after read-back. */
  operatingPoint: operatingPointSchema,
  enforced: enforcementSchema,
  power: powerReadingSchema,
  /** True when idle alone exceeds the cap. */
  capUnreachable: z.boolean(),
  minimumW: z.number().nonnegative(),
  maximumW: z.number().positive(),
  /** The reading it answers; null for a fixed cap. */
  carbon: carbonReadingSchema.nullable(),
});
export type Cap = z.infer<typeof capSchema>;

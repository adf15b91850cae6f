import { z } from 'zod';
import { carbonReadingSchema } from './carbon';
import { enforcementSchema, operatingPointSchema } from './device';
import { powerReadingSchema, sourceSchema } from './quantities';
import { qualitySchema } from './quality';

/** The cap in force makes the device work at a point where an inference costs more energy than under a higher cap. */
export const energyWarningSchema = z.object({
  /** How much more energy per inference, %. */
  increasePct: z.number().positive(),
  operatingPoint: z.string(),
  /** The point that needs least, and its power at full load: the least cap that allows it, W. */
  thriftierPoint: z.string(),
  thriftierCapW: z.number().positive(),
  /** The load for which this holds: work without a pause, or what the last plan says is on offer. */
  load: z.enum(['always busy', 'on offer']),
  /** Only with `on offer`: the work, as a share of what the device does at full speed without a pause. */
  loadShare: z.number().positive().max(1).optional(),
  source: sourceSchema,
});
export type EnergyWarning = z.infer<typeof energyWarningSchema>;

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
  /** Absent when no higher cap would save energy per inference. */
  energyWarning: energyWarningSchema.optional(),
  minimumW: z.number().nonnegative(),
  maximumW: z.number().positive(),
  /** The reading it answers; null for a fixed cap. */
  carbon: carbonReadingSchema.nullable(),
  /** Only with the policy `quality`: the accuracy that may be given up, and the grid that is expected. */
  quality: qualitySchema.optional(),
});
export type Cap = z.infer<typeof capSchema>;

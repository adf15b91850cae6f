import { z } from 'zod';
import { timeSchema } from './quantities';

/** How a network got on with company on a class of components; see `Sensitivity` in co-location.ts. Measured once. */
export const measuredSensitivitySchema = z.object({
  modelSha256: z.string(),
  componentClass: z.string(),
  deviceFingerprint: z.string(),
  /** Shape of the model's first input; null: as the model declares it. */
  dims: z.array(z.number().int().positive()).nullable(),
  /** Natural logarithms of slowdowns; null where it cannot be measured, e.g. no core is left for the stressor. */
  sensitivity: z.object({ besideMemory: z.number(), besideItself: z.number(), caused: z.number() }).nullable(),
  measuredAt: timeSchema,
});
export type MeasuredSensitivity = z.infer<typeof measuredSensitivitySchema>;

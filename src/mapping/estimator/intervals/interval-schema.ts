import { z } from 'zod';

const binsSchema = z
  .object({
    alpha: z.number().positive().max(1),
    cuts: z.array(z.number()).readonly(),
    halfWidths: z.array(z.number().nonnegative()).min(1).readonly(),
    counts: z.array(z.number().int().nonnegative()).readonly(),
  })
  .refine(({ cuts, halfWidths }) => halfWidths.length === cuts.length + 1, 'one more half width than cuts is needed');

/** Intervals of an estimator, in files and between processes. */
export const intervalsSchema = z.object({
  latency: binsSchema.nullable(),
  lnPowerMargin: z.number().nullable(),
  tail: binsSchema.nullish(),
  leastBusy: z.number().positive().max(1).optional(),
});
export type Intervals = z.infer<typeof intervalsSchema>;

import { z } from 'zod';
import { sourceSchema, timeSchema } from './quantities';

export const accountSchema = z.object({
  /** null for the total over all tenants (idle included). */
  tenant: z.string().nullable(),
  energyJ: z.number().nullable(),
  carbonG: z.number().nullable(),
  offered: z.number(),
  served: z.number(),
  /** Answered within the limit / all offered, 0..1; null when nothing was offered. */
  attainment: z.number().nullable(),
  effectiveAccuracy: z.number().nullable(),
  meanLatencyMs: z.number().nullable(),
  /** Operational carbon-delay product: carbonG times mean latency, g*s. */
  opCdpGs: z.number().nullable(),
  energyPerInferenceJ: z.number().nullable(),
  carbonPerInferenceG: z.number().nullable(),
  swaps: z.number(),
});
export type Account = z.infer<typeof accountSchema>;

/** `ecomap/receipt`: what it all cost so far, and what it would have cost otherwise. */
export const receiptSchema = z.object({
  from: timeSchema,
  to: timeSchema,
  durationS: z.number(),
  energySource: sourceSchema.nullable(),
  total: accountSchema,
  idle: z.object({ energyJ: z.number().nullable(), carbonG: z.number().nullable() }),
  tenants: z.array(accountSchema),
  /** The same served requests by the most accurate variants at full speed. Modelled from profiles; null when not profiled. */
  alwaysMax: z.object({
    energyJ: z.number().nullable(),
    carbonG: z.number().nullable(),
    /** Seconds of the windows whose counterfactual is known, and what was really used in them: only these two compare. */
    comparedS: z.number().default(0),
    againstEnergyJ: z.number().nullable().default(null),
    againstCarbonG: z.number().nullable().default(null),
    /** (alwaysMax - against) / alwaysMax in percent; null when unknown. */
    savedEnergyPct: z.number().nullable(),
    savedCarbonPct: z.number().nullable(),
  }),
  carbon: z.object({
    /** The intensity in force, g/kWh. */
    intensityGPerKwh: z.number().nullable(),
    /** Seconds accounted by quality of the intensity. */
    secondsByQuality: z.record(z.string(), z.number()),
    /** True when readings of different signal or basis were accounted together. */
    mixedBasis: z.boolean(),
    attribution: z.array(z.string()),
  }),
  /** What the sums leave out. */
  coverage: z
    .object({
      /** Seconds whose energy is unknown: in no sum of joules or grams. */
      unknownEnergyS: z.number(),
      /** Seconds whose carbon intensity is unknown, and the energy used in them: joules that are in no sum of grams. */
      unknownIntensityS: z.number(),
      unaccountedEnergyJ: z.number(),
    })
    .default({ unknownEnergyS: 0, unknownIntensityS: 0, unaccountedEnergyJ: 0 }),
});
export type Receipt = z.infer<typeof receiptSchema>;

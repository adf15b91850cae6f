import { z } from 'zod';
import { carbonBasisSchema, carbonSignalSchema } from './carbon';
import { sourceSchema, timeSchema } from './quantities';

/** What one variant of a tenant's family cost. */
export const variantAccountSchema = z.object({
  variant: z.string(),
  energyJ: z.number().nullable(),
  carbonG: z.number().nullable(),
  served: z.number(),
  inTime: z.number(),
  /** Of the model card. */
  accuracy: z.number().nullable(),
  energyPerInferenceJ: z.number().nullable(),
  carbonPerInferenceG: z.number().nullable(),
});
export type VariantAccount = z.infer<typeof variantAccountSchema>;

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
  /** Joules whose intensity is unknown: in no sum of grams. */
  unknownCarbonJ: z.number().default(0),
  variants: z.array(variantAccountSchema).default([]),
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
  /**
   * A cap that lets through the same share of always-max at every moment and so uses as much energy as was used, blind to the
   * grid. It splits the saving: energy effect = always-max minus constant cap, timing effect = constant cap minus what was emitted.
   */
  constantCap: z
    .object({
      energyJ: z.number().nullable(),
      carbonG: z.number().nullable(),
      /** `even power` where always-max is unknown: then only the timing effect is known. */
      method: z.enum(['share of always-max', 'even power']).nullable(),
      energyEffectG: z.number().nullable(),
      timingEffectG: z.number().nullable(),
      /** In percent of always-max; the two add up to the saving. */
      energyEffectPct: z.number().nullable(),
      timingEffectPct: z.number().nullable(),
      /** Timing effect in percent of the constant cap. */
      timingGainPct: z.number().nullable(),
      /** What it means, in words. */
      words: z.string(),
    })
    .nullable()
    .default(null),
  /** Software carbon intensity, ISO/IEC 21031: (operational + embodied) per inference. */
  sci: z
    .object({
      functionalUnit: z.literal('inference'),
      inferences: z.number(),
      operationalG: z.number().nullable(),
      embodiedG: z.number().nullable(),
      embodied: z.enum(['included', 'not set']),
      perInferenceG: z.number().nullable(),
      covers: z.enum(['operational and embodied', 'operational only']),
    })
    .nullable()
    .default(null),
  carbon: z.object({
    /** The intensity in force, g/kWh. */
    intensityGPerKwh: z.number().nullable(),
    /** Seconds accounted by quality of the intensity. */
    secondsByQuality: z.record(z.string(), z.number()),
    /** True when readings of different signal or basis were accounted together. */
    mixedBasis: z.boolean(),
    attribution: z.array(z.string()),
    /** Grams that nothing will change any more, and grams that a later word of the provider may change. */
    finalG: z.number().nullable().default(null),
    provisionalG: z.number().nullable().default(null),
    /** Intervals whose value was replaced by a later one. */
    restatedIntervals: z.number().default(0),
    /** Each signal and basis by itself: where there are several, only these compare with other reports. */
    chains: z
      .array(
        z.object({
          signal: carbonSignalSchema.nullable(),
          basis: carbonBasisSchema.nullable(),
          durationS: z.number(),
          energyJ: z.number().nullable(),
          carbonG: z.number().nullable(),
          /** Mean over time, g/kWh. */
          meanIntensityGPerKwh: z.number().nullable(),
        }),
      )
      .default([]),
  }),
  /** What an auditor asks: whose numbers these are, and how good. */
  audit: z
    .object({
      grids: z.array(
        z.object({
          provider: z.string(),
          zone: z.string(),
          signal: carbonSignalSchema,
          basis: carbonBasisSchema,
          attribution: z.string(),
          /** Version of the provider's interface, and year of the data, where they are known. */
          version: z.string().nullable(),
          datasetYear: z.number().nullable(),
        }),
      ),
      /** Shares of the accounted time, 0..1, by quality of the intensity. */
      timeByQuality: z.record(z.string(), z.number()),
      /** Shares of the accounted joules, 0..1: measured, modelled, simulated. */
      energyBySource: z.partialRecord(sourceSchema, z.number()),
    })
    .nullable()
    .default(null),
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

import { z } from 'zod';
import { timeSchema } from './quantities';

export const carbonSignalSchema = z.enum(['average', 'marginal']);
export const carbonBasisSchema = z.enum(['lifecycle', 'direct', 'operational', 'unknown']);

/**
 * How good a reading is. `measured`, `estimated` and `forecast` are the provider's word; `stale` is the last good value
 * kept beyond its time; `static` is a yearly average; `simulated` comes from a curve; `injected` came in a message that did not say
 * how good it is; `unknown` goes with a null value.
 */
export const carbonQualitySchema = z.enum([
  'measured',
  'estimated',
  'forecast',
  'stale',
  'static',
  'simulated',
  'injected',
  'unknown',
]);

export type CarbonSignal = z.infer<typeof carbonSignalSchema>;
export type CarbonBasis = z.infer<typeof carbonBasisSchema>;
export type CarbonQuality = z.infer<typeof carbonQualitySchema>;

/** gCO2eq/kWh. Grids range from about 10 to 1000; the facts reject everything above 1500. */
export const intensitySchema = z.number().min(0).max(1500);

export const carbonForecastPointSchema = z.object({
  validFrom: timeSchema,
  validTo: timeSchema,
  intensityGPerKwh: intensitySchema.nullable(),
  /** Bounds of the 90 % prediction interval, from errors of the recent past; absent where those are not known. */
  lowerGPerKwh: intensitySchema.optional(),
  upperGPerKwh: intensitySchema.optional(),
  /** Hours from the last known value (own forecast) or the beginning of the provider's forecast to the end of this interval. */
  horizonH: z.number().positive().optional(),
});
export type CarbonForecastPoint = z.infer<typeof carbonForecastPointSchema>;

/** The later word of a provider about an interval that is over. */
export const carbonRevisedPointSchema = z.object({
  validFrom: timeSchema,
  validTo: timeSchema,
  intensityGPerKwh: intensitySchema,
  quality: carbonQualitySchema,
});
export type CarbonRevisedPoint = z.infer<typeof carbonRevisedPointSchema>;

/** `ecomap/carbon`: the carbon intensity of one grid zone over one interval of time. */
export const carbonReadingSchema = z.object({
  /** gCO2eq per kWh, or null when unknown: never 0 for "unknown". */
  intensityGPerKwh: intensitySchema.nullable(),
  signal: carbonSignalSchema,
  basis: carbonBasisSchema,
  zone: z.string(),
  validFrom: timeSchema,
  validTo: timeSchema,
  fetchedAt: timeSchema,
  provider: z.string(),
  quality: carbonQualitySchema,
  /** Seconds of the grid in a second here, where a recording or a curve is played fast; absent: time passes as it does here. */
  speed: z.number().positive().optional(),
  /** An implausible jump: reported, not acted on. */
  suspect: z.boolean().default(false),
  forecast: z.array(carbonForecastPointSchema).default([]),
  /** Who made the forecast; absent where there is none. */
  forecastBy: z.enum(['provider', 'own']).optional(),
  /** Lowest and highest intensity of the 24 h around the reading, where known. */
  range24h: z.object({ minimumGPerKwh: intensitySchema, maximumGPerKwh: intensitySchema }).nullable().default(null),
  /** 5th and 95th percentile of the trailing week (or what is known of it): the bounds of the linear cap policy. */
  trailingBounds: z.object({ lowGPerKwh: intensitySchema, highGPerKwh: intensitySchema }).nullable().default(null),
  attribution: z.string(),
  /** How the provider estimated the value, in its own word. */
  method: z.string().optional(),
  /** Version of the provider's interface, and the year its data are of, where they are known. */
  providerVersion: z.string().optional(),
  datasetYear: z.number().int().optional(),
  /** Earlier intervals of the same zone, signal and basis that the provider has stated anew since the last reading. */
  revised: z.array(carbonRevisedPointSchema).optional(),
  /** Why this step of the fallback chain answered, e.g. which provider failed and how. */
  why: z.array(z.string()).default([]),
});
export type CarbonReading = z.infer<typeof carbonReadingSchema>;

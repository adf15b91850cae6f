import { z } from 'zod';
import { carbonBasisSchema, carbonSignalSchema, intensitySchema } from '../signals/carbon';

/** Zone of `@tgwf/co2` whose yearly average answers when nothing else does; null means "none". */
const fallbackZone = z.string().trim().min(1).nullable().default(null);
/** Another address than the provider's own, e.g. a mirror inside a company. */
const baseUrl = z
  .url({ protocol: /^https?$/ })
  .nullable()
  .default(null);

const countryNeeded = 'must be a country code of two letters, e.g. de';
const fileNeeded = 'must name a CSV file';
const zoneNeeded = 'must name a zone, e.g. US-MIDW-MISO, DE or WORLD';

/** How fast the time of a trace or of a simulated day runs. */
const play = {
  mode: z.enum(['real-time', 'accelerated']).default('accelerated'),
  /** Seconds of wall time for 24 hours of grid time, when accelerated. */
  dayLengthS: z.number().min(1).max(86_400).default(240),
};

/** Great Britain, National Energy System Operator: no key. Combustion only, so its basis is operational. */
const gbSchema = z.object({ provider: z.literal('gb'), baseUrl, fallbackZone: fallbackZone.default('GB') });

/** European countries, Fraunhofer ISE's Energy-Charts: no key. */
const energyChartsSchema = z.object({
  provider: z.literal('energy-charts'),
  /** Two letters, as in the addresses of the service, e.g. `de`. */
  country: z
    .string({ error: countryNeeded })
    .trim()
    .toLowerCase()
    .regex(/^[a-z]{2}$/, countryNeeded),
  baseUrl,
  fallbackZone,
});

/** A CSV file played in real time or accelerated. */
const traceSchema = z.object({
  provider: z.literal('trace'),
  /** Absolute, or relative to Node-RED's user directory. */
  path: z.string({ error: fileNeeded }).trim().min(1, fileNeeded),
  /** Header of the column with the values; null takes the first column that is not the time. */
  column: z.string().trim().min(1).nullable().default(null),
  ...play,
  /** Hours into the trace at which to begin. */
  startOffsetH: z.number().min(0).default(0),
  loop: z.boolean().default(true),
  signal: carbonSignalSchema.default('average'),
  basis: carbonBasisSchema.default('unknown'),
  zone: z.string().trim().min(1).default('trace'),
  /** Seconds between two rows of a file that has no column of times. */
  rowStepS: z.number().positive().default(3600),
  fallbackZone,
});

/** The yearly average of a zone, from `@tgwf/co2`. */
const staticSchema = z.object({
  provider: z.literal('static'),
  /** A zone as Electricity Maps names it (`US-MIDW-MISO`), a country of three letters (`USA`), or `WORLD`. */
  zone: z.string({ error: zoneNeeded }).trim().min(1, zoneNeeded),
  fallbackZone,
});

/** A parametric daily curve. What it says is `simulated`, whatever it looks like. */
const simulatedSchema = z.object({
  provider: z.literal('simulated'),
  zone: z.string().trim().min(1).default('simulated'),
  meanGPerKwh: intensitySchema.default(400),
  /** From the morning's low to the evening's high, before the sun. */
  swingGPerKwh: z.number().min(0).max(1500).default(200),
  /** How much the sun takes off at noon. */
  solarDipGPerKwh: z.number().min(0).max(1500).default(150),
  /** Standard deviation of the noise. */
  noiseGPerKwh: z.number().min(0).max(500).default(0),
  seed: z.number().int().default(1),
  ...play,
  /** Hour of the simulated day at which to begin. */
  startOffsetH: z.number().min(0).default(0),
  fallbackZone,
});

export const gridConfigSchema = z.discriminatedUnion('provider', [
  gbSchema,
  energyChartsSchema,
  traceSchema,
  staticSchema,
  simulatedSchema,
]);

export type GridConfig = z.infer<typeof gridConfigSchema>;
export type GridConfigOf<Provider extends GridConfig['provider']> = Extract<GridConfig, { provider: Provider }>;
/** What may be left out is left out. */
export type GridConfigInput = z.input<typeof gridConfigSchema>;
export const gridProviders = ['gb', 'energy-charts', 'trace', 'static', 'simulated'] as const;
